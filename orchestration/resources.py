"""Resources: the settings of this process and a warehouse connection for a run."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import dagster as dg

from stores.settings import Settings, get_settings
from stores.warehouse import Warehouse


class SettingsResource(dg.ConfigurableResourceFactory[Settings]):
    """Settings from the environment; nothing of them is shown as configuration, because URLs carry passwords."""

    def create_resource(self, context: dg.InitResourceContext) -> Settings:
        """Read the settings."""
        del context
        return get_settings()


class WarehouseResource(dg.ConfigurableResourceFactory[Warehouse]):
    """The warehouse for the length of a run."""

    settings: dg.ResourceDependency[Settings]

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Generator[Warehouse]:
        """Connect, and close when the run is over."""
        warehouse = Warehouse.connect(self.settings, origin=f'{{"run": "{context.run_id}"}}')
        try:
            yield warehouse
        finally:
            warehouse.close()

    def create_resource(self, context: dg.InitResourceContext) -> Warehouse:
        """Connect; used where no run gives the connection an end."""
        del context
        return Warehouse.connect(self.settings)


SETTINGS = SettingsResource()
RESOURCES = {"settings": SETTINGS, "warehouse": WarehouseResource(settings=SETTINGS)}
