"""Under what the contenders are compared: each condition is a set of settings, all of them in the same interleaved rounds."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Dict, Tuple


@dataclass(frozen=True)
class Setting:
    """The defaults are the usual request: a good token of 100,000, a small answer, in the clear, one core."""

    connections: int = 64
    tokens: int = 100_000
    rules: int = 3  # of postern's policy; the peers have the two that the proof needs
    body: int = 200  # of an answer
    upload: int = 0  # of a request
    tls: bool = False  # on the clients' side
    cores: int = 1  # threads of the contender
    spread: bool = False  # contender, clients and upstream run on any core, instead of one that is theirs
    known: bool = True  # whether the tokens sent are among those that the contender knows
    rate: int = 0  # requests a second in all, as an open loop; 0: each after the last answer

    def server(self) -> "Setting":
        """What of it a contender is started with: settings that agree in this share one."""
        return replace(self, connections=64, upload=0, known=True, rate=0)

    def label(self) -> str:
        """What differs from the usual."""
        usual = Setting()
        words = []
        for field in fields(self):
            value = getattr(self, field.name)
            if value != getattr(usual, field.name):
                words.append(WORDS[field.name].format(value) if value != 1 else SINGULAR.get(field.name, WORDS[field.name]).format(value))
        return ", ".join(words) or "usual"


WORDS = {"connections": "{:,} connections", "tokens": "{:,} tokens", "rules": "{:,} rules", "body": "{:,} B reply", "upload": "{:,} B upload",
         "tls": "TLS", "cores": "{} threads", "spread": "any core", "known": "unknown token", "rate": "{:,} requests/s"}
SINGULAR = {"connections": "1 connection", "rules": "1 rule"}

USUAL = Setting()
RELAYS = ("haproxy-map", "postern", "haproxy-plain", "floor-http")
EVERYBODY = ("haproxy-map", "postern", "postern-uring", "haproxy-plain", "nginx-map", "nginx-lua", "nginx-auth-request", "caddy-forward-auth", "floor-http", "floor")


@dataclass(frozen=True)
class Condition:
    """`contenders`: who takes part unless the command line says. The first setting is the one that ratios of one contender refer to."""

    what: str
    contenders: Tuple[str, ...]
    settings: Tuple[Setting, ...]


def each(name: str, *values: object) -> Tuple[Setting, ...]:
    return tuple(replace(USUAL, **{name: value}) for value in values)


TIMED: Dict[str, Condition] = {
    "usual": Condition("the usual request, everybody", EVERYBODY, (USUAL,)),
    "connections": Condition("1, 64 and 1,000 connections", ("haproxy-map", "postern", "postern-uring", "haproxy-plain", "floor-http"), each("connections", 64, 1, 1000)),
    "tokens": Condition("100 thousand, 1 and 10 million tokens at random; prepares for some minutes", ("postern",),
                        each("tokens", 100_000, 1_000_000, 10_000_000)),
    "rules": Condition("1, 100 and 10,000 rules", ("postern",), each("rules", 1, 100, 10_000)),
    "replies": Condition("replies of 200 B, 16 KiB, 1 MiB", RELAYS, each("body", 200, 16 << 10, 1 << 20)),
    "uploads": Condition("no body, 16 KiB, 1 MiB sent", RELAYS, each("upload", 0, 16 << 10, 1 << 20)),
    "tls": Condition("TLS 1.3 on the clients' side", ("haproxy-map", "postern", "haproxy-plain", "nginx-map", "caddy-forward-auth"),
                     each("tls", False, True)),
    "cores": Condition("one thread and two, on any core", ("haproxy-map", "postern", "haproxy-plain"), tuple(replace(USUAL, cores=cores, spread=True) for cores in (1, 2))),
    "unknown": Condition("good tokens and unknown ones", ("haproxy-map", "postern", "nginx-map"), each("known", True, False)),
    "latency": Condition("latency when 4,000 requests a second come, however long answers take", EVERYBODY, each("rate", 4000)),
}
