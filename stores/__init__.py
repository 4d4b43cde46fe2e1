"""The data layer: settings, one client module a store, table definitions, migrations."""
