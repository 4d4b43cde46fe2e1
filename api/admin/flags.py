"""Feature flags, as administrators switch them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from api.admin.acting import Deed
from api.flags import Feature, Flag
from api.problems import invalid
from api.times import format_instant


def read_all(deed: Deed) -> list[dict[str, Any]]:
    """Show every feature and how it is switched."""
    rows = deed.session.connection().execute(
        text("SELECT name, enabled, percentage, plans, updated_at, updated_by::text FROM serving.feature_flags")
    )
    stored = {row["name"]: {**row, "updated_at": format_instant(row["updated_at"])} for row in rows.mappings()}
    never = {"enabled": True, "percentage": 100, "plans": [], "updated_at": None, "updated_by": None}
    return [stored.get(feature.value, {"name": feature.value, **never}) for feature in Feature]


def switch(deed: Deed, feature: Feature, flag: Flag, reason: str) -> dict[str, Any]:
    """Switch a feature.

    Raises
    ------
    Problem
        If a plan does not exist.
    """
    connection = deed.session.connection()
    known = set(connection.execute(text("SELECT plan_id FROM serving.plans")).scalars())
    unknown = [plan for plan in flag.plans if plan not in known]
    if unknown:
        raise invalid("plans", f"there is no plan {unknown[0]}; there are {', '.join(sorted(known))}")
    connection.execute(
        text(
            "INSERT INTO serving.feature_flags (name, enabled, percentage, plans, updated_at, updated_by) "
            "VALUES (:name, :enabled, :percentage, :plans, :now, :by) ON CONFLICT (name) DO UPDATE SET "
            "enabled = excluded.enabled, percentage = excluded.percentage, plans = excluded.plans, "
            "updated_at = excluded.updated_at, updated_by = excluded.updated_by"
        ),
        {
            "name": feature.value,
            "enabled": flag.enabled,
            "percentage": flag.percentage,
            "plans": list(flag.plans),
            "now": deed.now,
            "by": deed.administrator,
        },
    )
    told = {"enabled": flag.enabled, "percentage": flag.percentage, "plans": list(flag.plans)}
    deed.record("feature_switched", f"feature:{feature.value}", reason=reason, **told)
    return next(one for one in read_all(deed) if one["name"] == feature.value)
