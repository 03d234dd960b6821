"""Timed rounds: every contender under every setting of a condition, interleaved."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from typing import List, Sequence

import equal_work
from conditions import Setting
from contenders import Contender
from measure import Load, cpu_seconds, machine_time
from stage import Stage


@dataclass
class Case:
    contender: Contender
    setting: Setting
    rounds: List[dict]


def one_round(case: Case, load: Load, upstream_pid: int, seconds: float) -> dict:
    pids = case.contender.pids()
    upstream_before, before, machine_before = cpu_seconds([upstream_pid]), cpu_seconds(pids), machine_time()
    children_before, began = os.times(), time.monotonic()
    result = load(case.contender, case.setting, "seconds", seconds)
    children, after = os.times(), cpu_seconds(pids)
    elapsed = time.monotonic() - began  # the clients' reading of their tokens too, which is longer than a round when these are millions
    machine_after, upstream = machine_time(), cpu_seconds([upstream_pid]) - upstream_before
    generator = children.children_user + children.children_system - children_before.children_user - children_before.children_system
    busy = machine_after.busy - machine_before.busy
    return {
        "cpu_us": (after - before) / result["requests"] * 1e6,
        "requests_per_second": result["requests"] / result["seconds"],
        "core_busy": (after - before) / result["seconds"],
        "foreign": max(0.0, busy - (after - before) - upstream - generator) / elapsed,
        "stolen": (machine_after.stolen - machine_before.stolen) / elapsed,
        "requests": result["requests"],
        **({"latency_us": result["latency_us"]} if "latency_us" in result else {}),
    }


def make_cases(stage: Stage, names: Sequence[str], settings: Sequence[Setting]) -> List[Case]:
    """Started, and proved to do equal work."""
    cases = [Case(stage.contender(name, setting), setting, []) for setting in settings for name in names
             if not (setting.tls and name.startswith("floor"))]
    for contender in stage.running.values():
        equal_work.prove(contender)
        equal_work.prove_upstream_kept(contender, stage.load)
    print("  equal work is proved", file=sys.stderr)
    return cases


def time_cases(stage: Stage, cases: List[Case], rounds: int, seconds: float) -> None:
    """Each round in another order, so that what drifts hits all alike."""
    for number in range(rounds):
        shift = number % len(cases)
        for case in cases[shift:] + cases[:shift]:
            case.rounds.append(one_round(case, stage.load, stage.upstream(case.setting)[0].pid, seconds))
            print(f"  round {number + 1}, {case.contender.name}, {case.setting.label()}: {case.rounds[-1]['cpu_us']:.1f} us", file=sys.stderr)
