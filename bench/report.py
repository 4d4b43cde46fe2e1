"""The page of the benchmarks: tables, targets and charts, made of the results and of nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.charts import draw
from bench.section import Chart, ChartKind

ROOT = Path(__file__).resolve().parent
RESULTS = ROOT / "results.json"
PAGE = ROOT.parent / "docs" / "benchmarks.md"
PICTURES = ROOT.parent / "docs" / "benchmarks"

_HEAD = """# Benchmarks

`make bench` measures all of this anew and writes this page; `make bench ARGS="--only live"` one section, and `--quick` less of
it. Competitors run side by side in one run, in turns, on the same bars; what they compute is compared before how fast they do it.
Medians; the spread is the difference of the slowest and the fastest run over the median. Noise is how much the same work (a
sort) varied while a section was measured: differences smaller than that say nothing.
"""


def load(path: Path = RESULTS) -> dict[str, Any]:
    """Results of all sections; empty if there are none."""
    return json.loads(path.read_text())["sections"] if path.is_file() else {}


def save(sections: dict[str, Any], path: Path = RESULTS) -> None:
    """Write the results of all sections."""
    path.write_text(json.dumps({"sections": sections}, indent=1) + "\n")


def page(sections: dict[str, Any]) -> str:
    """Text of the page."""
    return (
        "\n".join([_HEAD, *_targets(sections), *(line for one in sections.values() for line in _section(one))]) + "\n"
    )


def pictures(sections: dict[str, Any]) -> dict[str, str]:
    """Pictures by name of the file."""
    charts = [
        Chart(**{**chart, "kind": ChartKind(chart["kind"])}) for one in sections.values() for chart in one["charts"]
    ]
    return {f"{chart.name}.svg": draw(chart) for chart in charts}


def write(sections: dict[str, Any]) -> None:
    """Write page and pictures."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    made = pictures(sections)
    for old in PICTURES.glob("*.svg"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (PICTURES / name).write_text(text)
    PAGE.write_text(page(sections))


def _targets(sections: dict[str, Any]) -> Iterator[str]:
    targets = [target for one in sections.values() for target in one["targets"]]
    if not targets:
        return
    yield "## Targets\n"
    yield from _table(
        ("aim", "measured", "met"),
        [
            (t["aim"], t["measured"], "yes" if t["met"] else f"**no**{': ' + t['reason'] if t['reason'] else ''}")
            for t in targets
        ],
    )


def _section(one: dict[str, Any]) -> Iterator[str]:
    about = one["machine"]
    yield f"## {one['title']}\n"
    quick = "Measured with `--quick`: a part of it. " if one["quick"] else ""
    yield (
        f"{quick}{one['measured_at'][:10]}, {about['cpu']}, {about['cores']} cores, Python {about['python']}; noise "
        f"{about['noise_max_over_min']:.2f}.\n"
    )
    for chart in one["charts"]:
        yield f"![{chart['title']}](benchmarks/{chart['name']}.svg)\n"
    for table in one["tables"]:
        yield f"### {table['title']}\n"
        yield from _table(table["headings"], table["rows"])
    for note in one["notes"]:
        yield f"{note}\n"


def _table(headings: Any, rows: Any) -> Iterator[str]:
    yield f"| {' | '.join(headings)} |"
    yield f"|{'---|' * len(headings)}"
    for row in rows:
        yield f"| {' | '.join(str(cell).replace('|', '&#124;') for cell in row)} |"
    yield ""
