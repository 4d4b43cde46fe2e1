"""The chart: every row it is given is on it, at its price and time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest

from deploy.charts.scene import Break, Candle, Scene, Signal, Zone
from deploy.charts.svg import draw
from stores.markets import Market

START = datetime(2024, 5, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
SVG = "{http://www.w3.org/2000/svg}"


def _scene(market: str = "binance:BTCUSDT") -> Scene:
    candles = tuple(Candle(START + i * HOUR, 100 + i, 102 + i, 99 + i, 101 + i, 5.0 + i % 3) for i in range(40))
    return Scene(
        Market.parse(market),
        "1h",
        candles,
        (
            Zone("order_block", 1, "swing", 110, 108, START + 10 * HOUR, None),
            Zone("fvg", -1, None, 120, 118, START + 12 * HOUR, START + 20 * HOUR),
            Zone("order_block", -1, "internal", 500, 490, START, None),
        ),
        (Break("choch", "swing", 1, 115.0, START + 5 * HOUR, START + 18 * HOUR),),
        (Signal(START + 20 * HOUR, "smc_pullback", 1, 121, 118, 124, 130, "accepted", "target_2", START + 30 * HOUR),),
    )


def _rects(svg: ElementTree.Element, fill: str) -> list[dict[str, float]]:
    return [
        {name: float(rect.get(name, "0")) for name in ("x", "y", "width", "height")}
        for rect in svg.iter(f"{SVG}rect")
        if rect.get("fill") == fill and rect.get("stroke") == fill
    ]


def test_zones_lie_on_their_prices_and_begin_where_they_became_known() -> None:
    svg = ElementTree.fromstring(draw(_scene()))
    grid = {
        float(text.text.replace(",", "")): float(text.get("y", "0")) - 4
        for text in svg.iter(f"{SVG}text")
        if text.text and re.fullmatch(r"[\d,.]+", text.text) and text.get("fill") == "#64748b"
    }
    (low, low_y), (high, high_y) = min(grid.items()), max(grid.items())

    def y(price: float) -> float:
        return low_y + (price - low) / (high - low) * (high_y - low_y)

    (block,) = _rects(svg, "#14b8a6")
    assert block["y"] == pytest.approx(y(110), abs=0.2)
    assert block["y"] + block["height"] == pytest.approx(y(108), abs=0.2)
    step = (1280 - 12 - 86) / 40
    assert block["x"] == pytest.approx(12 + 10.5 * step, abs=0.1)
    assert block["x"] + block["width"] == pytest.approx(1280 - 86, abs=0.1), "a zone that lives reaches the edge"
    (gap,) = _rects(svg, "#a855f7")
    assert gap["x"] + gap["width"] == pytest.approx(12 + 20.5 * step, abs=0.1)


def test_words_and_labels() -> None:
    text = draw(_scene())
    for words in ("binance:BTCUSDT 1h", "CHoCH", "long smc_pullback: target_2", "zones begin where they became known"):
        assert words in text
    assert "simulated" not in text
    assert "(simulated)" in draw(_scene("sim:BTCUSDT"))


def test_zones_out_of_sight_are_left_out() -> None:
    svg = ElementTree.fromstring(draw(_scene()))
    assert _rects(svg, "#f43f5e") == []
