"""One JSON line a request: who, what, by which rule and why; never a secret, never a query."""

import json
import re

import pytest

from wire import Client


def last(postern, count=1):
    return postern.access_log(count)[-1]


def test_an_allowed_request(postern, tokens, house):
    postern.ask("POST", "/read/a?token=query-secret", "X-Request-Id: id-1", token=tokens["alice"], body=b"hello")
    line = last(postern)
    assert line["request_id"] == "id-1"
    assert line["method"] == "POST"
    assert line["path"] == "/read/a"
    assert line["status"] == 200
    assert line["rule"] == "read"
    assert line["reason"] == "granted"
    assert line["subject"] == "alice@example.org"
    assert line["token"] == house.ids["alice"]
    assert "query-secret" not in postern.access_file.read_text()


@pytest.mark.parametrize(
    "target, token, status, rule, reason",
    [
        ("/read", "", 401, "read", "no_credential"),
        ("/read", "a-strangers-secret", 401, "read", "invalid_token"),
        ("/write", "reader", 403, "write", "missing_permission"),
        ("/role", "reader", 403, "role", "missing_role"),
        ("/group", "reader", 403, "group", "missing_group"),
        ("/license", "reader", 403, "license", "missing_license"),
        ("/closed", "reader", 403, "closed", "denied"),
        ("/nowhere", "reader", 403, None, "no_rule"),
        ("/open", "", 200, "open", "anonymous"),
    ],
)
def test_why(postern, tokens, target, token, status, rule, reason):
    postern.ask(target=target, token=tokens.get(token, token))
    line = last(postern)
    assert (line["status"], line["reason"]) == (status, reason)
    assert (line.get("rule") or None) == rule


@pytest.mark.parametrize("change, state", [("disable", "disabled"), ("rotate", "rotated"), ("delete", None)])
def test_the_log_knows_what_the_caller_is_not_told(postern, change, state):
    secret = postern.store.create_token("it")
    id = postern.store.token_id("it")
    postern.store.run("token", change, id)
    postern.ask(target="/read", token=secret)
    text = json.dumps(last(postern))
    assert (state or "unknown") in text
    if state:
        assert id in text


def test_shadowed_denials_are_told(postern, tokens):
    postern.ask(target="/shadow", token=tokens["reader"])
    line = last(postern)
    assert line["status"] == 200
    assert line["rule"] == "shadow"
    assert line.get("shadowed") is True
    assert line["reason"] == "missing_permission"
    assert line["unmet"] == "permission test.write"


@pytest.mark.parametrize(
    "target, unmet",
    [("/write", "permission test.write"), ("/role", "role test.writer"), ("/group", "group test.staff"),
     ("/license", "license test.pro"), ("/closed", None), ("/nowhere", None), ("/read", None)],
)  # fmt: skip
def test_what_was_missing(postern, tokens, target, unmet):
    postern.ask(target=target, token=tokens["reader"])
    assert last(postern).get("unmet") == unmet


def test_a_whole_file_in_shadow_mode_refuses_nobody_with_a_token_and_tells_all(guard, tokens):
    """Rules that are always open or closed stay so, and a missing token is missing."""
    from server import POLICY

    more = "  - {id: condition, path: /condition, authenticated: true, query: {v: 1}}\n"
    postern = guard(policy=POLICY.replace("rules:", "defaults: {mode: shadow}\nrules:") + more)
    expected = {
        "/write": (200, True, "missing_permission", "permission test.write"),
        "/role": (200, True, "missing_role", "role test.writer"),
        "/condition": (200, True, "condition_not_met", "query v"),
        "/read": (200, None, "granted", None),
        "/closed": (403, None, "denied", None),
        "/nowhere": (403, None, "no_rule", None),
    }
    for target, (status, *told) in expected.items():
        assert postern.ask(target=target, token=tokens["reader"]).status == status
        line = last(postern, list(expected).index(target) + 1)
        assert [line.get("shadowed"), line["reason"], line.get("unmet")] == told, target
    assert postern.ask(target="/write").status == 401
    text = postern.metrics()
    for reason in ("missing_permission", "missing_role", "condition_not_met"):
        assert f'postern_shadow_denials_total{{reason="{reason}"}} 1\n' in text
    assert postern.metric("shadow_denials_total") == 3


def test_every_kind_of_refusal_has_its_line(postern, upstream):
    with Client(postern.port) as client:
        client.send(b"GET /open HTTP/1.1\r\nHost : h\r\n\r\n")
        assert client.reply().status == 400
    assert last(postern)["status"] == 400
    postern.ask(target="/open/../x")
    assert last(postern, 2)["status"] == 400
    upstream.stop_listening()
    for connection in upstream.connections:
        connection.close()
    assert postern.ask("POST").status == 502
    assert last(postern, 3)["status"] == 502


def test_what_a_client_sends_cannot_forge_a_line(postern):
    postern.ask("GET", '/open/%22%7D%0A?"', 'X-Request-Id: a"}{"b', "User-Agent: \"}\\")
    postern.ask("GET", "/open/%22%7B", 'X-Request-Id: a"}{"b')
    lines = postern.access_log(2)  # each parses
    assert len(lines) == 2
    assert all(line["request_id"] != 'a"}{"b' for line in lines)


def test_no_secret_is_ever_in_it(postern, tokens):
    for value in (f"Bearer {tokens['reader']}", f"Bearer {tokens['reader']}, x", f"Basic {tokens['reader']}", tokens["reader"]):
        postern.ask("GET", "/read", f"Authorization: {value}")
    postern.access_log(4)
    assert tokens["reader"] not in postern.access_file.read_text()
    assert tokens["reader"][4:] not in postern.log


def test_standard_output_is_a_place_for_it_too(guard):
    from server import until

    postern = guard(config={"log": {"access": "-"}})
    postern.ask("GET", "/open", "X-Request-Id: on-stdout")
    until(lambda: "on-stdout" in postern.output, "the line")
    assert json.loads(postern.output)["status"] == 200


def test_it_can_be_off(guard):
    postern = guard(config={"log": {"access": "off"}})
    postern.ask()
    postern.stop()
    assert not postern.access_file.exists() and postern.output == ""


def test_a_full_pipe_costs_lines_and_no_requests(guard):
    """Nobody reads the log; requests go on."""
    import os

    postern = guard(begin=False)
    fifo = postern.folder / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        postern.write_config(log={"access": str(fifo)})
        postern.start()
        with postern.client() as client:
            for _ in range(3000):
                assert client.ask().status == 200
    finally:
        os.close(reader)


# --- X-Request-Id and traceparent ---


def test_a_good_request_id_is_passed_on_and_back(shared):
    reply = shared.postern.ask("GET", "/open", "X-Request-Id: req-0123.abc")
    assert shared.upstream.last.get("x-request-id") == "req-0123.abc"
    assert reply.get("x-request-id") == "req-0123.abc"


@pytest.mark.parametrize("fields", [[], ["X-Request-Id: "], ["X-Request-Id: a b"], ["X-Request-Id: " + "a" * 200], ["X-Request-Id: <x>"]])
def test_another_one_is_replaced(shared, fields):
    reply = shared.postern.ask("GET", "/open", *fields)
    assert re.fullmatch(r"[0-9a-f]{32}", reply.get("x-request-id"))
    assert shared.upstream.last.get("x-request-id") == reply.get("x-request-id")


def test_request_ids_are_all_different(shared):
    ids = {shared.postern.ask().get("x-request-id") for _ in range(50)}
    assert len(ids) == 50


GOOD_TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_good_traceparent_is_passed_on(shared):
    shared.postern.ask("GET", "/open", f"traceparent: {GOOD_TRACE}", "tracestate: a=b")
    assert shared.upstream.last.get("traceparent") == GOOD_TRACE
    assert shared.upstream.last.get("tracestate") == "a=b"


@pytest.mark.parametrize(
    "value", ["", "x", GOOD_TRACE.upper(), GOOD_TRACE + "-x", "ff" + GOOD_TRACE[2:], "00-" + "0" * 32 + GOOD_TRACE[35:], GOOD_TRACE[:36] + "0" * 16 + "-01"]
)
def test_a_bad_traceparent_is_replaced(shared, value):
    shared.postern.ask("GET", "/open", f"traceparent: {value}", "tracestate: a=b")
    assert shared.upstream.last.get("tracestate") is None  # it belongs to a trace that ends here
    made = shared.upstream.last.get("traceparent")
    assert made != value and re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", made)
    assert not re.match(r"00-0{32}", made)
