"""Figures as a table and as JSON."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Dict, List, Optional

REFERENCES = {"haproxy-map": "to HAProxy with map", "floor-http": "to floor-http", "floor": "to the floor"}
PERCENTILES = ("50", "99", "99.9")


def spread(values: List[float], digits: int) -> str:
    middle = statistics.median(values)
    return f"{middle:.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def ratios(case: dict, to: Optional[dict]) -> str:
    """Of the same round each: what disturbs a whole round falls out."""
    if not to:
        return ""
    return spread([mine["cpu_us"] / other["cpu_us"] for mine, other in zip(case["rounds"], to["rounds"])], 2)


def find(cases: List[dict], contender: str, setting: str) -> Optional[dict]:
    return next((case for case in cases if case["contender"] == contender and case["setting"] == setting), None)


def timing_table(cases: List[dict]) -> str:
    """One row for each contender and setting; the first setting is what the others of the same contender are compared with."""
    settings = list(dict.fromkeys(case["setting"] for case in cases))
    references = {name: title for name, title in REFERENCES.items() if find(cases, name, settings[0])}
    latency = "latency_us" in cases[0]["rounds"][0]
    heads = ["", "", "CPU/request, us", *references.values(), *([f"to {settings[0]}"] if len(settings) > 1 else []), "requests/s", "core busy"]
    heads += [f"latency {percent} %, us" for percent in PERCENTILES if latency]
    lines = ["| " + " | ".join(heads) + " |", "|---|---|" + "---:|" * (len(heads) - 2)]
    for case in cases:
        done = case["rounds"]
        cells = [case["contender"], case["setting"], spread([result["cpu_us"] for result in done], 1)]
        cells += [ratios(case, find(cases, name, case["setting"])) for name in references]
        if len(settings) > 1:
            cells.append(ratios(case, find(cases, case["contender"], settings[0])))
        cells.append(f"{statistics.median(result['requests_per_second'] for result in done):,.0f}")
        cells.append(f"{statistics.median(result['core_busy'] for result in done):.0%}")
        if latency:
            cells += [spread([result["latency_us"][percent] for result in done], 0) for percent in PERCENTILES]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def noise(cases: List[dict]) -> str:
    every = [result for case in cases for result in case["rounds"]]
    return (f"median (least-most) of {len(cases[0]['rounds'])} rounds; others used {spread([result['foreign'] for result in every], 2)} cores"
            f" meanwhile, the host took {spread([result['stolen'] for result in every], 2)}")


def plain_table(heads: List[str], rows: Dict[str, List[str]]) -> str:
    lines = ["| " + " | ".join(["", *heads]) + " |", "|---|" + "---:|" * len(heads)]
    return "\n".join(lines + ["| " + " | ".join([name, *cells]) + " |" for name, cells in rows.items()])


def count_table(rows: Dict[str, dict]) -> str:
    return plain_table(["user instructions/request", "system calls, 64 conn.", "system calls, 1 conn."], {
        name: [f"{row['instructions']:,.0f}" if "instructions" in row else "", *(f"{row['system_calls'][key]['total']:.2f}" for key in ("64", "1"))]
        for name, row in rows.items()})


def memory_table(rows: Dict[str, dict]) -> str:
    return plain_table(["connections", "at start, MB", "KB for each idle connection", "after a burst, MB over the start", "upstream connections kept then"], {
        name: [f"{row['connections']:,}", f"{row['start_kb'] / 1024:.1f}", f"{(row['idle_kb'] - row['start_kb']) / row['connections']:.2f}",
               f"{(row['after_burst_kb'] - row['start_kb']) / 1024:.1f}", f"{row['upstream_kept']:,}"] for name, row in rows.items()})


def start_table(rows: Dict[str, dict]) -> str:
    return plain_table(["tokens", "files cached, ms", "files evicted, ms"], {
        name: [f"{row['tokens']:,}", spread(row["cached_ms"], 0), spread(row["evicted_ms"], 0)] for name, row in rows.items()})


STATE_TABLES = {"counts": count_table, "memory": memory_table, "cold-start": start_table}


def source(results: dict) -> str:
    machine = results["machine"]
    return (f"{machine['processor']}, {machine['cores']} cores, Linux {machine['kernel']}; {results['binary']}, tree at {results['commit']};"
            f" `{results['command']}`")


def render(results: dict) -> str:
    parts = [source(results)]
    parts += [f"{name}: {noise(cases)}.\n\n{timing_table(cases)}" for name, cases in results["timed"].items()]
    parts += [f"{name}:\n\n{STATE_TABLES[name](rows)}" for name, rows in results["states"].items()]
    return "\n\n".join(parts) + "\n"


def write(results: dict, file: Path) -> None:
    file.write_text(json.dumps(results, indent=1) + "\n")
