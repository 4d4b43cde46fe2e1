"""The plans people can have."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session, col, select

from api.problems import Problem, invalid
from stores.tables import Plan

FREE_PLAN = "free"


def offered(session: Session) -> list[dict[str, Any]]:
    """List the plans that can be had now, in their order."""
    found = session.exec(select(Plan).where(col(Plan.active)).order_by(col(Plan.position)))
    return [shown(plan) for plan in found]


def shown(plan: Plan) -> dict[str, Any]:
    """A plan as the API shows it."""
    return {
        "plan": plan.plan_id,
        "name": plan.name,
        "price_minor": plan.price_minor,
        "currency": plan.currency,
        "interval": plan.interval,
        "trial_days": plan.trial_days,
        "markets": plan.markets,
        "timeframes": plan.timeframes,
        "signal_delay_s": plan.signal_delay_s,
        "history_s": plan.history_s,
        "streams": plan.streams,
        "alerts": plan.alerts,
        "webhooks": plan.webhooks,
        "api_keys": plan.api_keys,
        "requests_per_minute": plan.requests_per_minute,
        "burst": plan.burst,
        "backtests": plan.backtests,
        "export": plan.export,
    }


def to_subscribe(session: Session, plan_id: str) -> Plan:
    """Find a plan that can be subscribed to.

    Raises
    ------
    Problem
        If there is none of this name, or none that is paid for.
    """
    plan = session.get(Plan, plan_id)
    if plan is None or not plan.active:
        raise invalid("plan", "there is no such plan; GET /v1/plans lists them")
    if plan.price_minor == 0:
        raise invalid("plan", "this plan costs nothing and needs no subscription; cancel the one there is instead")
    return plan


def known(session: Session, plan_id: str) -> Plan:
    """Find any plan, offered or not.

    Raises
    ------
    Problem
        If there is none.
    """
    plan = session.get(Plan, plan_id)
    if plan is None:
        raise Problem("not-found", f"there is no plan {plan_id}")
    return plan
