"""Figures as a table and as JSON."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Dict, List, Optional

REFERENCE = "haproxy-map"


def spread(values: List[float], digits: int) -> str:
    middle = statistics.median(values)
    return f"{middle:.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def ratios(rounds: Dict[str, List[dict]], name: str, to: str) -> Optional[List[float]]:
    """Of the same round each: what disturbs a whole round falls out."""
    if name not in rounds or to not in rounds:
        return None
    return [mine["cpu_us"] / other["cpu_us"] for mine, other in zip(rounds[name], rounds[to])]


def timing_table(rounds: Dict[str, List[dict]]) -> str:
    lines = ["| | CPU/request, us | to HAProxy with map | to floor-http | to the floor | requests/s | core busy |",
             "|---|---:|---:|---:|---:|---:|---:|"]
    for name, results in rounds.items():
        cells = [name, spread([result["cpu_us"] for result in results], 1)]
        for other in (REFERENCE, "floor-http", "floor"):
            values = ratios(rounds, name, other)
            cells.append(spread(values, 2) if values else "")
        cells.append(f"{statistics.median(result['requests_per_second'] for result in results):,.0f}")
        cells.append(f"{statistics.median(result['core_busy'] for result in results):.0%}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def count_table(contenders: Dict[str, dict]) -> str:
    connections = sorted({key for row in contenders.values() for key in row.get("system_calls", {})}, key=int, reverse=True)
    heads = ["", "user instructions/request", *(f"system calls, {key} conn." for key in connections), "anonymous memory at start, MB"]
    lines = ["| " + " | ".join(heads) + " |", "|---|" + "---:|" * (len(heads) - 1)]
    for name, row in contenders.items():
        cells = [name, f"{row['instructions']:,.0f}" if "instructions" in row else ""]
        for key in connections:
            calls = row.get("system_calls", {}).get(key)
            cells.append(f"{calls['total']:.2f}" if calls else "")
        cells.append(f"{row['anonymous_kb'] / 1024:.1f}" if "anonymous_kb" in row else "")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def render(results: dict) -> str:
    machine = results["machine"]
    parts = [f"{machine['processor']}, {machine['cores']} cores, Linux {machine['kernel']}; {results['binary']}, tree at {results['commit']};"
             f" {results['tokens']:,} tokens; `{results['command']}`"]
    for connections, rounds in results["rounds"].items():
        count = len(next(iter(rounds.values())))
        foreign = [result["foreign"] for contender in rounds.values() for result in contender]
        stolen = [result["stolen"] for contender in rounds.values() for result in contender]
        parts.append(f"\n{connections} connections, median (least-most) of {count} rounds; others used {spread(foreign, 2)} cores"
                     f" meanwhile, the host took {spread(stolen, 2)}.\n\n{timing_table(rounds)}")
    parts.append("\n" + count_table(results["contenders"]))
    return "\n".join(parts) + "\n"


def write(results: dict, file: Path) -> None:
    file.write_text(json.dumps(results, indent=1) + "\n")
