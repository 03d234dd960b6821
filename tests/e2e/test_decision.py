"""Listeners that decide for another proxy: the same words as in front, about the request that is asked about, to nobody but trusted proxies."""

import re

import pytest

from server import POLICY, Failed
from test_listeners import Raw, connected
from tls import Authority, TlsClient
from wire import request

RESERVED = ["Id", "Name", "Type", "Token-Id", "Groups", "Roles", "Licenses", "Permissions", "Certificate", "Truncated"]


def listen(decide):
    return {"listen": [{"address": "127.0.0.1:0", "decide": decide}], "trusted_proxies": ["127.0.0.1/32"]}


def asked(mode, method, target, host="api.test"):
    """The lines with which a proxy asks."""
    if mode == "x-original":
        return [f"X-Original-Method: {method}", f"X-Original-URI: {target}"]
    return [f"X-Forwarded-Method: {method}", f"X-Forwarded-Uri: {target}", f"X-Forwarded-Host: {host}"]


def ask(server, mode, method, target, *fields, token=""):
    with server.client() as client:
        if mode == "request":
            return client.ask(method, target, *fields, token=token)
        return client.ask("GET", "/ask", *asked(mode, method, target), *fields, token=token)


MODES = ["x-original", "x-forwarded", "request"]
# Method, target, whose token, what postern answers in front.
ROWS = [
    ("GET", "/open", None, 200), ("GET", "/read/a", "reader", 200), ("GET", "/read/a", None, 401), ("POST", "/write/x", "reader", 403),
    ("POST", "/write/x", "writer", 200), ("DELETE", "/closed/x", "writer", 403), ("GET", "/nowhere", "writer", 403), ("GET", "/nowhere", None, 401),
    ("GET", "/projects/42/a", "project", 200), ("GET", "/projects/43/a", "project", 403), ("GET", "/read?x=/write", "alice", 200),
]


@pytest.mark.parametrize("mode", MODES)
def test_the_same_decision_as_in_front(guard, upstream, tokens, mode):
    decider, front = guard(config=listen(mode)), guard()
    for method, target, whose, expected in ROWS:
        token = tokens[whose] if whose else ""
        told, done = ask(decider, mode, method, target, token=token), front.ask(method, target, token=token)
        assert (told.status, done.status) == (expected, expected), (method, target)
        if expected != 200:
            assert re.search(rb'"code":"\w+"', told.body)[0] == re.search(rb'"code":"\w+"', done.body)[0]
            assert told.get("www-authenticate") == done.get("www-authenticate")
            continue
        assert told.body == b""
        for name in RESERVED:
            assert told.all(f"x-subject-{name}") == [upstream.last.get(f"x-subject-{name}") or ""], name
    count = len(upstream.requests)
    ask(decider, mode, "GET", "/open")
    assert len(upstream.requests) == count  # nothing is forwarded
    line = next(line for line in decider.access_log(len(ROWS)) if line["path"] == "/write/x")
    assert (line["method"], line["rule"]) == ("POST", "write")


def test_nginx_is_told_nothing_but_what_it_understands(guard, tokens):
    decider = guard(config=listen("x-original"))
    for target in ("/read/../write", "/read/%2e%2e/write", "/a//b", "/a%00"):
        reply = ask(decider, "x-original", "GET", target, token=tokens["reader"])
        assert reply.status == 403 and b'"code":"' in reply.body
    assert ask(decider, "x-original", "TRACE", "/open").status == 403
    assert ask(decider, "x-original", "GET", "/read", "Authorization: Bearer a", "Authorization: Bearer b").status == 403


def test_others_are_told_the_whole_truth(guard, tokens):
    decider = guard(config=listen("x-forwarded"))
    assert ask(decider, "x-forwarded", "GET", "/read/../write", token=tokens["reader"]).status == 400
    assert ask(decider, "x-forwarded", "TRACE", "/open").status == 405


BROKEN = {
    "no method": ["X-Forwarded-Uri: /open", "X-Forwarded-Host: h"],
    "no target": ["X-Forwarded-Method: GET", "X-Forwarded-Host: h"],
    "no host": ["X-Forwarded-Method: GET", "X-Forwarded-Uri: /open"],
    "two methods": [*asked("x-forwarded", "GET", "/open"), "X-Forwarded-Method: POST"],
    "two targets": [*asked("x-forwarded", "GET", "/open"), "x-forwarded-uri: /open"],
    "two hosts": [*asked("x-forwarded", "GET", "/open"), "X-Forwarded-Host: h"],
    "an empty target": asked("x-forwarded", "GET", ""),
    "a target with a blank": asked("x-forwarded", "GET", "/open x"),
    "a target with a fragment": asked("x-forwarded", "GET", "/open#x"),
    "a target of no form": asked("x-forwarded", "GET", "open"),
    "an empty method": asked("x-forwarded", "", "/open"),
    "a method that is none": asked("x-forwarded", "G T", "/open"),
    "a host that is none": asked("x-forwarded", "GET", "/open", "a/b"),
    "an authority of another host": asked("x-forwarded", "GET", "http://other/open"),
    "the other family": asked("x-original", "GET", "/open"),
}


@pytest.mark.parametrize("lines", BROKEN.values(), ids=BROKEN.keys())
def test_a_question_that_does_not_name_its_request_is_refused(guard, lines):
    with guard(config=listen("x-forwarded")).client() as client:
        assert client.ask("GET", "/open", *lines).status == 400


@pytest.mark.parametrize("mode", MODES)
def test_nobody_else_is_told_anything(guard, tokens, mode):
    decider = guard(config={**listen(mode), "trusted_proxies": ["192.0.2.0/24"]})
    reply = ask(decider, mode, "GET", "/open", token=tokens["reader"])
    assert reply.status == 403 and b'"untrusted_peer"' in reply.body
    assert "x-subject-type" not in reply.names()


def test_the_client_is_the_one_that_the_proxy_names(guard):
    decider = guard(config=listen("x-forwarded"))
    secret = decider.store.create_token("near", "--cidr", "192.0.2.0/24")
    assert ask(decider, "x-forwarded", "GET", "/private", "X-Forwarded-For: 192.0.2.7", token=secret).status == 200
    assert ask(decider, "x-forwarded", "GET", "/private", "X-Forwarded-For: 198.51.100.7", token=secret).status == 401


def test_a_credential_in_the_query_that_is_asked_about(guard, tokens):
    decider = guard(config={**listen("x-original"), "credentials": ["authorization", {"query": "access_token"}]})
    assert ask(decider, "x-original", "GET", f"/read?access_token={tokens['reader']}").status == 200
    with decider.client() as client:  # not in that of the question
        assert client.ask("GET", f"/ask?access_token={tokens['reader']}", *asked("x-original", "GET", "/read")).status == 401


def test_questions_by_head_and_about_head_keep_the_connection_in_step(guard, tokens):
    decider = guard(config=listen("x-forwarded"))
    with decider.client() as client:
        for _ in range(3):
            assert client.ask("HEAD", "/", *asked("x-forwarded", "GET", "/read")).status == 401
            assert client.ask("GET", "/", *asked("x-forwarded", "HEAD", "/read")).body
            assert client.ask("HEAD", "/", *asked("x-forwarded", "POST", "/open")).status == 200
            assert client.ask("GET", "/", *asked("x-forwarded", "HEAD", "/read"), token=tokens["reader"]).status == 200


def test_a_body_of_a_question_is_not_the_next_question(guard):
    decider = guard(config=listen("request"))
    smuggled = request("GET", "/write")
    with decider.client() as client:
        assert client.ask("POST", "/open", body=smuggled).status == 200
        assert client.ask("GET", "/open").status == 200
    assert [line["path"] for line in decider.access_log(2)] == ["/open", "/open"]
    with decider.client() as client:
        client.send(request("POST", "/open", "Transfer-Encoding: chunked"))
        assert client.reply("POST").get("connection") == "close"
        assert client.is_closed()


def test_a_listener_that_decides_needs_somebody_to_believe(guard):
    with pytest.raises(Failed, match='is to decide for another proxy, but trusted_proxies names nobody'):
        guard(config={**listen("x-original"), "trusted_proxies": None})
    with pytest.raises(Failed, match='"x-orginal" is none of x-original, x-forwarded, request; did you mean "x-original"'):
        guard(config=listen("x-orginal"))


def test_over_a_unix_socket_whoever_may_open_it_is_told(guard, tmp_path, tokens):
    place = tmp_path / "ask.sock"
    decider = guard(config={"listen": ["127.0.0.1:0", {"address": f"unix:{place}", "decide": "x-forwarded"}]}, policy=POLICY)
    with Raw(connected(str(place))) as client:
        assert client.ask("GET", "/", *asked("x-forwarded", "GET", "/read"), token=tokens["reader"]).status == 200
    assert decider.ask("GET", "/open").status == 200
    near = decider.store.create_token("near", "--cidr", "192.0.2.0/24")
    for address, status in (("192.0.2.7", 200), ("198.51.100.7", 401)):
        with Raw(connected(str(place))) as client:
            assert client.ask("GET", "/", *asked("x-forwarded", "GET", "/private"), f"X-Forwarded-For: {address}", token=near).status == status


RULES = """\
version: 1
rules:
  - {path: /short, allow: anonymous, upstream_headers: {X-T: a}}
  - {path: /like, allow: anonymous, upstream_headers: {X-Account-Id: fixed}}
  - {path: /other, allow: anonymous}
"""


def test_every_answer_names_every_header_that_postern_or_a_rule_sets(guard):
    """A proxy that copies a header which is not in the answer would let the client's own through."""
    decider = guard(config=listen("x-forwarded"), policy=RULES)
    for target, own in {"/short": {"x-t": "a"}, "/like": {"x-account-id": "fixed"}, "/other": {}}.items():
        told = ask(decider, "x-forwarded", "GET", target)
        assert told.status == 200
        for name in RESERVED:
            assert told.all(f"x-subject-{name}") == ["anonymous" if name == "Type" else ""], (target, name)
        for name in ("x-t", "x-account-id"):
            assert told.all(name) == [own.get(name, "")], (target, name)


def test_names_of_rules_that_do_not_fit_into_an_answer_are_refused_at_start(guard):
    rules = "".join(f"  - {{path: /{i}, allow: anonymous, upstream_headers: {{X-{'n' * 90}-{i}: a}}}}\n" for i in range(100))
    guard(policy="version: 1\nrules:\n" + rules)  # in front they need not
    with pytest.raises(Failed, match="the names in upstream_headers are too long for a decision"):
        guard(config=listen("x-forwarded"), policy="version: 1\nrules:\n" + rules)


def test_the_certificate_of_the_asking_proxy_is_not_the_clients(guard, tmp_path):
    ca = Authority(tmp_path / "pki")
    pair, own = ca.issue("server", "api.test"), ca.issue("proxy", subject="/CN=proxy")
    decider = guard(
        config={**listen("request"), "tls": {**pair.config, "client_ca": str(ca.certificate)}},
        policy="version: 1\nrules:\n  - {path: /open, allow: anonymous}\n  - {path: /proved, client_certificate: true}\n",
    )
    token = decider.store.create_token("any")
    with TlsClient(decider.port, ca.client_context(own)) as client:
        told = client.ask("GET", "/open")
        assert (told.status, told.get("x-subject-certificate")) == (200, "")
        assert client.ask("GET", "/proved", token=token).status == 403
