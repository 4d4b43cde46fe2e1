"""The marts' code location: the dbt project as Dagster assets. Importing the package imports neither Dagster nor dbt."""
