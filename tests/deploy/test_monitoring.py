"""Rules and dashboard name metrics that exist."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml
from prometheus_client.parser import text_string_to_metric_families

from api.metrics import Metrics

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "monitoring"
OF_PROMETHEUS = {"up", "process_resident_memory_bytes", "process_open_fds"}


def exported() -> set[str]:
    families = list(text_string_to_metric_families(Metrics().render().decode()))
    names = {family.name for family in families}
    counters = {f"{family.name}_total" for family in families if family.type == "counter"}
    parts = {
        f"{family.name}_{part}" for family in families if family.type == "histogram" for part in ("bucket", "count")
    }
    return names | counters | parts | OF_PROMETHEUS


def rules() -> list[dict[str, str]]:
    groups = yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def named(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:cap|process)_[a-z0-9_]+|\bup\b|cap:[a-z0-9_:]+", expression))


def test_every_metric_that_is_asked_for_exists() -> None:
    dashboard = json.loads((FOLDER / "dashboard.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    for expression in [*asked, *(rule["expr"] for rule in rules())]:
        assert named(expression) <= exported() | recorded, expression
    assert len(asked) >= 15


def test_every_alert_says_what_to_do() -> None:
    alerts = [rule for rule in rules() if "alert" in rule]
    assert len(alerts) >= 8
    for alert in alerts:
        assert set(alert["annotations"]) == {"summary", "action"}
        assert alert["labels"]["severity"] in ("page", "ticket")


def test_the_scraped_ports_are_those_of_the_settings() -> None:
    from stores.settings import Settings

    jobs = yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"]
    found = {job["job_name"]: job["static_configs"][0]["targets"] for job in jobs}
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    assert found["cap-api"] == [f"127.0.0.1:{defaults['api_port']}"]
    assert found["cap-worker"] == [f"127.0.0.1:{defaults['worker_port']}"]
