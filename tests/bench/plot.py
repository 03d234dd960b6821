#!/usr/bin/python3
"""Draws the usual request's CPU per contender as an SVG, with what it was measured on.

    tests/bench/plot.py build/bench/results.json tests/bench/results.svg
"""

from __future__ import annotations

import json
import statistics
import sys
from html import escape
from pathlib import Path
from typing import List

WIDTH, LEFT, RIGHT = 820, 170, 190  # in the middle stand the bars; figures are written right of each
ROW, BAR, TOP = 30, 18, 64
COLOURS = {"postern": "#1f6f5c", "postern-uring": "#1f6f5c", "floor": "#b8b8b8", "floor-http": "#b8b8b8"}
OTHERS = "#7a8fa6"
LINE_LETTERS = 125  # of the small print


def folded(text: str) -> List[str]:
    """Lines of the small print, broken at blanks."""
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) > LINE_LETTERS:
            lines.append("")
        lines[-1] += word + " "
    return [line.strip() for line in lines]


def summary(cases: List[dict]) -> List[dict]:
    """Least, median and most of each contender, the cheapest first."""
    rows = []
    for case in cases:
        costs = [result["cpu_us"] for result in case["rounds"]]
        rows.append({"name": case["contender"], "least": min(costs), "median": statistics.median(costs), "most": max(costs)})
    return sorted(rows, key=lambda row: row["median"])


def bar(row: dict, top: int, scale: float, reference: float) -> str:
    name, middle = escape(row["name"]), top + BAR / 2
    end = LEFT + row["median"] * scale
    ratio = f" · {row['median'] / reference:.2f}×" if reference else ""
    weight = ' font-weight="bold"' if row["name"] == "postern" else ""
    return (f'<text x="{LEFT - 10}" y="{middle + 5}" text-anchor="end"{weight}>{name}</text>'
            f'<rect x="{LEFT}" y="{top}" width="{row["median"] * scale:.1f}" height="{BAR}" rx="2" fill="{COLOURS.get(row["name"], OTHERS)}"/>'
            f'<path d="M{LEFT + row["least"] * scale:.1f} {middle}H{LEFT + row["most"] * scale:.1f}" stroke="#222" stroke-width="1.5"/>'
            f'<text x="{max(end, LEFT + row["most"] * scale) + 8:.1f}" y="{middle + 5}"{weight}>{row["median"]:.1f} µs{ratio}</text>')


def render(results: dict) -> str:
    rows = summary(results["timed"]["usual"])
    reference = next((row["median"] for row in rows if row["name"] == "haproxy-map"), 0.0)
    scale = (WIDTH - LEFT - RIGHT) / max(row["most"] for row in rows)
    machine = results["machine"]
    small = folded(f"{machine['processor']}, {machine['cores']} cores, Linux {machine['kernel']}; commit {results['commit']};"
                   f" {results['command']}")
    bottom = TOP + ROW * len(rows)
    height = bottom + 18 * len(small) + 12
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
             ' font-family="sans-serif" font-size="13" fill="#222">',
             f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
             '<text x="16" y="26" font-size="16" font-weight="bold">CPU per request, 64 connections, 100,000 tokens, one core</text>',
             '<text x="16" y="46" fill="#555">median, a line from least to most; × is relative to HAProxy with a map of tokens</text>']
    parts += [bar(row, TOP + ROW * number, scale, reference) for number, row in enumerate(rows)]
    parts += [f'<text x="16" y="{bottom + 18 * (number + 1)}" font-size="11" fill="#555">{escape(line)}</text>' for number, line in enumerate(small)]
    return "\n".join([*parts, "</svg>"]) + "\n"


def main() -> int:
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    Path(sys.argv[2]).write_text(render(json.loads(Path(sys.argv[1]).read_text())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
