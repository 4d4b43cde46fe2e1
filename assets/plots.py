"""Small plots for asset metadata: an inline SVG line, shown by the Dagster UI without a request."""

from __future__ import annotations

import base64
from collections.abc import Sequence

_WIDTH, _HEIGHT, _MARGIN = 480, 96, 6


def line_plot(values: Sequence[float], *, label: str, points: int = 240) -> str:
    """Markdown picture of a line through at most ``points`` of the values, evenly thinned.

    Parameters
    ----------
    values : sequence of float
        In time order; NaN is left out.
    label : str
        Alternative text and caption, with the last value.
    points : int
        Most points drawn.
    """
    finite = [value for value in values if value == value]
    if len(finite) < 2:
        return f"_{label}: not enough values to draw_"
    step = max(1, -(-len(finite) // points))
    drawn = [*finite[:-1:step], finite[-1]]
    low, high = min(drawn), max(drawn)
    span = (high - low) or 1.0
    across = (_WIDTH - 2 * _MARGIN) / (len(drawn) - 1)
    coordinates = " ".join(
        f"{_MARGIN + i * across:.1f},{_HEIGHT - _MARGIN - (value - low) / span * (_HEIGHT - 2 * _MARGIN):.1f}"
        for i, value in enumerate(drawn)
    )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}">'
        f'<rect width="100%" height="100%" fill="#f6f8fa"/>'
        f'<polyline points="{coordinates}" fill="none" stroke="#2563eb" stroke-width="1.5"/></svg>'
    )
    encoded = base64.b64encode(svg.encode()).decode()
    return f"![{label}](data:image/svg+xml;base64,{encoded})\n\n{label}: {low:g} to {high:g}, last {finite[-1]:g}"
