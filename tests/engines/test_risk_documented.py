"""The document names every rule and every number of the policies."""

from __future__ import annotations

import re
from pathlib import Path

from engines.risk import RiskPolicy, Rule

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "risk.md").read_text()


def test_every_rule_is_documented_in_its_order() -> None:
    section = TEXT.split("## Rules")[1].split("| policy |")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == [rule.value for rule in Rule]


def test_every_number_of_the_policies_is_documented() -> None:
    section = TEXT.split("| policy |")[1].split("## Clusters")[0]
    rows = re.findall(r"^\| `(\w+)` \| (\S+) \| (\S+) \|$", section, re.MULTILINE)
    own, across = RiskPolicy().as_dict(), RiskPolicy.for_account().as_dict()
    assert [(name, one, other.strip("*")) for name, one, other in rows] == [
        (name, str(own[name]), str(across[name])) for name in own
    ]
