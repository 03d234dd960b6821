"""Proves, before anything is timed, that the contenders do the same work: who skips a check is fast for the wrong reason."""

from __future__ import annotations

from typing import Dict, List, Tuple

from contenders import Contender, token_name
from measure import Load
from tokens import make_strangers

ECHO = "/api/v1/orders/echo"
HOST = "shop.example.com"  # as load.cpp sends it: who serves another host only would answer the load without any work
SPOOFED = {"X-Subject-Id": "spoofed-id", "x-subject-name": "spoofed-name", "X-SUBJECT-TYPE": "spoofed-type",
           "X-Subject-Roles": "spoofed-role"}


class Unequal(SystemExit):
    pass


class Client:
    """One kept connection, so that a contender that closes it is seen."""

    def __init__(self, contender: Contender) -> None:
        self.contender = contender
        self.connection = contender.connect()

    def ask(self, method: str, path: str, token: str = "", headers: Dict[str, str] = {}) -> Tuple[int, str]:
        sent = {"Host": HOST, **headers, **({"Authorization": f"Bearer {token}"} if token else {})}
        self.connection.request(method, path, headers=sent)
        answer = self.connection.getresponse()
        return answer.status, answer.read().decode("latin-1")

    def expect(self, true: bool, what: str) -> None:
        if not true:
            raise Unequal(f"{self.contender.name}: {what}: the work is not equal, so nothing is timed")


def head_fields(head: str) -> Dict[str, List[str]]:
    fields: Dict[str, List[str]] = {}
    for line in head.split("\r\n")[1:]:
        name, _, value = line.partition(":")
        if name:
            fields.setdefault(name.lower(), []).append(value.strip())
    return fields


def prove(contender: Contender) -> None:
    """Ends the program with a sentence unless the contender does what its kind must."""
    client = Client(contender)
    tokens = contender.place.tokens
    status, head = client.ask("GET", ECHO, tokens[0])
    client.expect(status == 200 and head.startswith(f"GET {ECHO} HTTP/1.1\r\n"), "a good token does not pass")
    first_socket = client.connection.sock
    if contender.authenticates:
        prove_guard(client, tokens)
    client.ask("GET", ECHO, tokens[0])
    client.expect(client.connection.sock is first_socket, "the client's connection is not kept")
    client.connection.close()


def prove_guard(client: Client, tokens: List[str]) -> None:
    for number in (0, len(tokens) // 2, len(tokens) - 1):
        status, head = client.ask("GET", ECHO, tokens[number], SPOOFED)
        client.expect(status == 200, f"good token {number} does not pass")
        fields = head_fields(head)
        client.expect("spoofed" not in head, "a spoofed header arrives")
        client.expect("authorization" not in fields and tokens[number] not in head, "the credential arrives")
        client.expect(fields.get("x-subject-name") == [token_name(number)], "X-Subject-Name does not arrive")
        client.expect(fields.get("x-subject-type") == ["token"], "X-Subject-Type does not arrive")
        ids = fields.get("x-subject-id", [])
        client.expect(len(ids) == 1 and ids[0].startswith("tok_"), "X-Subject-Id does not arrive")
    stranger = make_strangers(1)[0]
    client.expect(stranger not in tokens, "the stranger's token is among the good ones")
    good = tokens[0]
    for what, expected, method, path, token in (
        ("an unknown token passes", 401, "GET", ECHO, stranger),
        ("a damaged token passes", 401, "GET", ECHO, good[:-1] + ("0" if good[-1] != "0" else "1")),
        ("no token passes", 401, "GET", ECHO, ""),
        ("the path rule does not hold", 403, "GET", "/api/v1/admin/echo", good),
        ("a path without a rule passes", 403, "GET", "/echo", good),
        ("the method of the rule does not hold", 403, "DELETE", ECHO, good),
    ):
        status, _ = client.ask(method, path, token)
        client.expect(status == expected, f"{what} ({status} instead of {expected})")


def sockets_of(port: int) -> int:
    """Sockets with this port at either end, in any state: each connection shows up twice."""
    mark = f"0100007F:{port:04X}"
    with open("/proc/net/tcp") as table:
        return sum(mark in line.split()[1:3] for line in table)


def prove_upstream_kept(contender: Contender, load: Load, connections: int = 64) -> None:
    """Ten requests a connection must not need many more upstream connections than there are clients. A few more are no sign: Go's client dials
    while another exchange may give back a connection sooner."""
    before = sockets_of(contender.place.upstream_port)
    load(contender, contender.place.setting, "requests", 10 * connections)
    opened = (sockets_of(contender.place.upstream_port) - before + 1) // 2
    if opened > connections * 5 // 4:
        raise Unequal(f"{contender.name}: {opened} upstream connections for {connections} clients: they are not kept")
