#!/usr/bin/python3
"""Reads the same bytes with our request reader and with Node's HTTP parser, and reports where they disagree.

A finding is what we ACCEPT and the other refuses or reads differently: another target, another body, another number of
messages. That is how requests are smuggled. What we refuse and the other accepts is our purpose and no finding.

    tests/fuzz/differential.py --reader build/dev/tests/read_heads [--count 20000] [--seed 1]

Exit code 0: no new disagreement; 1: at least one, printed with its bytes; 2: could not run.
"""

import argparse
import json
import pathlib
import random
import re
import struct
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
CORPORA = [HERE / "corpus" / name for name in ("request_head", "chunked_body")]


class Known:
    """A difference that was looked at and stays: what Node says, what the bytes must hold for it, and why we differ."""

    def __init__(self, end, problem, pattern, why):
        self.end, self.problem, self.pattern = end, problem, re.compile(pattern, re.DOTALL | re.IGNORECASE)
        self.why, self.seen = why, 0

    def explains(self, problem, data, theirs):
        return (re.fullmatch(self.end, theirs["end"]) is not None and problem.endswith(self.problem) and
                self.pattern.search(data) is not None)


def trailer(names):
    return rb"\r\n0+([ \t]*;[^\r]*)?\r\n([^\r\n]+\r\n)*(" + names + rb"):"


DROPPED = "framing fields in trailers are dropped, whatever they say (grammar, chunked body row 9); Node heeds them"
TAB = "OWS after a value includes HTAB (RFC 9110 §5.6.3)"
BLANKS = "blanks before ';' and around '=' must be parsed (RFC 9112 §7.1.1)"
FRAMING = rb"content-length|transfer-encoding"
KNOWN = [
    Known("refused: HPE_INVALID_CONTENT_LENGTH", "", rb"content-length:[ \t]*\d+[ ]*\t", TAB),
    Known("refused: HPE_INVALID_TRANSFER_ENCODING", "", rb"transfer-encoding:[ \t]*chunked[ ]*\t", TAB),
    Known("refused: HPE_INVALID_CHUNK_SIZE", "", rb"\r\n[0-9a-f]+[ \t]+;", BLANKS),
    Known("refused: HPE_(STRICT|INVALID_CHUNK_SIZE)", "", rb"\r\n[0-9a-f]+;[^\r]*[ \t]", BLANKS),
    Known("refused: HPE_.*(CONTENT_LENGTH|TRANSFER_ENCODING)", "another end of body", trailer(FRAMING), DROPPED),
    Known("incomplete|closed|refused: HPE_CLOSED_CONNECTION", "none to the other", trailer(rb"connection"), DROPPED),
]
METHOD_UNKNOWN = "any token is a method (RFC 9110 §9.1) and the policy decides; Node knows a table"

FINE_LINES = [
    b"Content-Length: 5", b"Content-Length: 0", b"content-length:\t5 ", b"Content-Length: 05", b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: CHUNKED", b"Transfer-Encoding:\tchunked\t", b"Connection: keep-alive", b"Connection: Transfer-Encoding",
    b"Connection:,", b"Expect: 100-continue", b"X:", b"X: a\tb", b"X: \xe9", b"!#$%&'*+-.^_`|~09az: tchars", b"Keep-Alive: 1",
    b"Proxy-Connection: keep-alive", b"TE: trailers", b"Trailer: A", b"Content_Length: 7", b"Transfer_Encoding: chunked",
    b"Connection: close", b"Connection: close, upgrade", b"Upgrade: websocket", b"Upgrade: h2c", b"Accept: */*",
]
LINES = FINE_LINES + [
    b"Content-Length: +5", b"Content-Length: 5,5", b"Content-Length:", b"Content-Length: 5 5", b"Content-Length : 5",
    b"Content-Length: 18446744073709551621", b"Transfer-Encoding: chunked, chunked", b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: identity", b"Transfer-Encoding:", b"Transfer-Encoding : chunked", b"Transfer-Encoding: \x0bchunked",
    b"Transfer-Encoding:\xa0chunked", b"Transfer-Encoding: xchunked", b"Transfer-Encoding: chunked;a=b",
    b"Transfer-Encoding\r\n : chunked", b"Host: h", b"Host: other", b"Host:", b"X: a\x00b", b" folded", b"\tfolded", b": empty",
    b"no colon", b"X : a", b"X\x00: a",
]
FIRST_LINES = [
    b"GET / HTTP/1.1", b"POST /x HTTP/1.1", b"GET /?a=\\^{}|`[] HTTP/1.1", b"GET http://h/x?y HTTP/1.1", b"GET https://h HTTP/1.1",
    b"OPTIONS * HTTP/1.1", b"HEAD / HTTP/1.1", b"GET / HTTP/1.0", b"POST / HTTP/1.0", b"DELETE /%2e%2e/ HTTP/1.1", b"GET //a HTTP/1.1",
    b"GET /a#b HTTP/1.1", b"GET  / HTTP/1.1", b"GET / HTTP/1.1 ", b"GET / HTTP/2.0", b"get / HTTP/1.1", b"M-SEARCH * HTTP/1.1",
    b"PATCH /a;b=c/d HTTP/1.1", b"GET /~!$&'()*+,;=:@ HTTP/1.1", b"GET HTTP://H:80?q HTTP/1.1",
]
BODIES = [
    b"", b"hello", b"5\r\nhello\r\n0\r\n\r\n", b"0\r\n\r\n", b"5;a=b\r\nhello\r\n0\r\nA: b\r\n\r\n", b"5;a=\"\\\"\"\r\nhello\r\n0;z\r\n\r\n",
    b"005\r\nhello\r\n000\r\n\r\n", b"5 ; a = b\r\nhello\r\n0\r\n\r\n", b"5;a=;x\r\nhello\r\n0\r\n\r\n", b"5\nhello\r\n0\r\n\r\n",
    b"5\r\nhello0\r\n\r\n", b"0x5\r\nhello\r\n0\r\n\r\n", b"A\r\n0123456789\r\n0\r\nX : y\r\n\r\n", b"7fffffffffffffff\r\nx",
    b"0\r\nContent-Length: 9\r\nTransfer-Encoding: gzip\r\n\r\n", b"10000000000000005\r\nhello\r\n0\r\n\r\n", b"\r\n", b"5\r\nhello\r\n0\r\n",
]
PIECES = [
    b"\r\n", b"\n", b"\r", b"\r\n\r\n", b" ", b"\t", b"\x00", b"\x0b", b"\x0c", b"\x7f", b"\x80", b"\xa0", b"\xff", b":", b",", b";", b"=",
    b'"', b"\\", b"#", b"?", b"/", b"%00", b"0", b"5", b"f", b"+", b"-", b"_", b"chunked", b"close", b"HTTP/1.1", b"GET / HTTP/1.1\r\n",
]


def generated(rng):
    """One to three messages of plausible and of wicked lines."""
    stream = b""
    for _ in range(rng.choice((1, 1, 2, 3))):
        first = FIRST_LINES[rng.randrange(4)] if rng.random() < 0.5 else rng.choice(FIRST_LINES)
        lines = [first, b"Host: h"] + rng.sample(FINE_LINES if rng.random() < 0.7 else LINES, rng.choice((0, 1, 1, 2, 3)))
        if rng.random() < 0.3:  # what a body needs, so that bodies are read and not only refused
            lines.append(rng.choice((b"Transfer-Encoding: chunked", b"Content-Length: 5")))
        if rng.random() < 0.2:
            rng.shuffle(lines)
        stream += b"\r\n".join(lines) + b"\r\n\r\n" + rng.choice(BODIES)
    return stream


def mutated(rng, data):
    """A few changes that a grammar suggests: pieces in, bytes out, lines twice, swapped or cut."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(6)
        if kind == 0:
            data = data[:at] + rng.choice(PIECES) + data[at:]
        elif kind == 1:
            data = data[:at] + data[at + rng.choice((1, 1, 2, 5)):]
        elif kind == 2:
            data = data[:at] + bytes([rng.randrange(256)]) + data[at + 1:]
        elif kind == 3:
            data = data[:at] + rng.choice(PIECES) + data[at + 1:]
        else:
            lines = data.split(b"\r\n")
            one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
            if kind == 4:
                lines.insert(one, rng.choice(LINES) if rng.random() < 0.5 else lines[other])
            else:
                lines[one], lines[other] = lines[other], lines[one]
            data = b"\r\n".join(lines)
    return data


def inputs(count, seed):
    """The corpus as it is (a chunked body behind a head that announces it), then `count` made from it, without repeats."""
    rng = random.Random(seed)
    start = [path.read_bytes() for path in sorted(CORPORA[0].iterdir())]
    head = b"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    start += [head + path.read_bytes() for path in sorted(CORPORA[1].iterdir())]
    made = dict.fromkeys(start)
    for _ in range(count):
        base = generated(rng) if rng.random() < 0.6 else rng.choice(start)
        made[mutated(rng, base) if rng.random() < 0.6 else base] = None
    return list(made)


def read(command, framed):
    done = subprocess.run(command, input=framed, stdout=subprocess.PIPE, check=True, timeout=600)
    return [json.loads(line) for line in done.stdout.splitlines()]


def method_is_unknown(ours, theirs, methods):
    """Whether Node stopped at the method of a message that begins at the same byte for both."""
    agreed = len(theirs["messages"])
    if theirs["end"] != "refused: HPE_INVALID_METHOD" or len(ours["messages"]) <= agreed:
        return False
    return bytes.fromhex(ours["messages"][agreed][0]).decode() not in methods


def disagreement(ours, theirs):
    """What is wrong, or None. Both tell [method, target, body, complete] of every message whose head they accepted."""
    for i, (_, *message) in enumerate(ours["messages"]):
        if i == len(theirs["messages"]):
            return f"message {i + 1} is none to the other"
        for what, mine, other in zip(("target", "body", "end of body"), message, theirs["messages"][i][1:]):
            # A body that we refuse midway may go further for the other: that is our refusal, not our reading.
            refused_here = i + 1 == len(ours["messages"]) and ours["end"].startswith("refused")
            if mine != other and not (refused_here and what != "target"):
                return f"message {i + 1} has another {what}"
    # What we still wait for we have not accepted: should it ever be complete, it is a message of another input.
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reader", required=True, help="the program read_heads")
    parser.add_argument("--node", default="node")
    parser.add_argument("--count", type=int, default=20000, help="inputs to make besides the corpus")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    cases = inputs(options.count, options.seed)
    framed = b"".join(struct.pack("<I", len(data)) + data for data in cases)
    try:
        ours = read([options.reader], framed)
        methods, *theirs = read([options.node, str(HERE / "read_heads.js")], framed)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        print(f"differential: {error}", file=sys.stderr)
        return 2
    if not len(ours) == len(theirs) == len(cases):
        print(f"differential: {len(cases)} inputs, {len(ours)} and {len(theirs)} answers", file=sys.stderr)
        return 2

    new = unknown_methods = 0
    accepted = sum(len(verdict["messages"]) for verdict in ours)
    for data, mine, other in zip(cases, ours, theirs):
        problem = disagreement(mine, other)
        if problem is None:
            continue
        if method_is_unknown(mine, other, methods):
            unknown_methods += 1
            continue
        known = next((entry for entry in KNOWN if entry.explains(problem, data, other)), None)
        if known is not None:
            known.seen += 1
            continue
        new += 1
        if new <= 20:
            print(f"{problem}\n  bytes {data!r}\n  ours  {mine}\n  node  {other}")
    for entry in KNOWN:
        print(f"known {entry.seen:6} {entry.end}: {entry.why}")
    print(f"known {unknown_methods:6} refused: HPE_INVALID_METHOD: {METHOD_UNKNOWN}")
    print(f"{len(cases)} inputs, {accepted} messages accepted, {new} new disagreements")
    return 1 if new or not accepted else 0


if __name__ == "__main__":
    sys.exit(main())
