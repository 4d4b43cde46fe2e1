"""Resources: the settings of this process and a warehouse connection for a run."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg

from stores.settings import Settings, get_settings
from stores.warehouse import Warehouse


@dg.resource(description="Settings from CAP_ environment variables; not shown as configuration: URLs carry passwords.")
def settings_resource(context: dg.InitResourceContext) -> Settings:
    """Read the settings of this process."""
    del context
    return get_settings()


@dg.resource(required_resource_keys={"settings"}, description="A connection to the warehouse, closed with the run.")
def warehouse_resource(context: dg.InitResourceContext) -> Iterator[Warehouse]:
    """Connect for the length of a run."""
    warehouse = Warehouse.connect(context.resources.settings, origin=f'{{"run": "{context.run_id}"}}')
    try:
        yield warehouse
    finally:
        warehouse.close()


RESOURCES = {"settings": settings_resource, "warehouse": warehouse_resource}
