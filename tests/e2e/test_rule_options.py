"""Conditions and options of rules, as the upstream sees them: what is refused never reaches it, what a rule sets nobody can forge."""

import json

import pytest

from wire import Client, chunked, request

POLICY = """\
version: 1
defaults: {body_limit: 10}
rules:
  - {path: /open, allow: anonymous}
  - {path: /query, allow: anonymous, query: {v: [1, 2], debug: {absent: true}}}
  - {path: /header, allow: anonymous, headers: {X-Env: prod}}
  - {path: /tenant, allow: anonymous, headers: {X-Tenant: {not: evil}}}
  - {path: /bare, allow: anonymous, headers: {X-Tenant: {absent: true}}}
  - {path: /gold, allow: anonymous, headers: {X-Tier: gold}}
  - {path: /keyed, authenticated: true, credentials: [{header: X-Key}], headers: {X-Key: {present: true}}}
  - {path: /near, allow: anonymous, client: 127.0.0.0/8}
  - {path: /far, allow: anonymous, client: 192.0.2.0/24}
  - {path: "/users/{user}", owner: {user}}
  - {path: /shadow, authenticated: true, query: {v: 1}, mode: shadow}
  - {path: /tier, allow: anonymous, upstream_headers: {X-Tier: gold}, body_limit: 0}
  - {path: /old, allow: anonymous, deprecated: 2026-01-01, sunset: 2027-01-31}
  - {path: "/**", allow: preflight}
"""


SHARED = {"policy": POLICY}


@pytest.mark.parametrize(
    "target, fields, let_in",
    [
        ("/query?v=1", [], True),
        ("/query?v=2&x=%zz", [], False),
        ("/query?v=1&v=3", [], False),
        ("/query?v=1&d%65bug", [], False),
        ("/query?v=1;debug=1", [], False),
        ("/query", [], False),
        ("/header", ["X-Env: prod"], True),
        ("/header", ["X-Env: prod", "x-env: dev"], False),
        ("/header", [], False),
        # What the upstream will not see meets no condition.
        ("/header", ["X-Env: prod", "Connection: X-Env"], False),
        ("/tenant", ["X-Tenant: good"], True),
        ("/tenant", ["X-Tenant: evil"], False),
        # With '_' it never arrives. Else: however some reader would find the name or the value in it.
        ("/tenant", ["X_Tenant: evil"], True),
        ("/tenant", ["X.Tenant: evil"], False),
        ("/tenant", ["X~Tenant: evil"], False),
        ("/tenant", ["X-Tenant-: evil"], False),
        ("/tenant", ["X-Tenant: evil,"], False),
        ("/tenant", ["X-Tenant: good, evil"], False),
        ("/bare", [], True),
        ("/bare", ["X!Tenant: a"], False),
        # A rule sets this one: the client's never arrives, on any path.
        ("/gold", ["X-Tier: gold"], False),
        ("/near", [], True),
        ("/far", [], False),
        # Nobody believes a forwarding header from a stranger.
        ("/far", ["X-Forwarded-For: 192.0.2.1"], False),
    ],
)
def test_a_failed_condition_is_refused_and_never_forwarded(shared, target, fields, let_in):
    reply = shared.postern.ask("GET", target, *fields)
    if let_in:
        assert (reply.status, [request.target for request in shared.upstream.requests]) == (200, [target])
    else:
        assert (reply.status, json.loads(reply.body)["code"], json.loads(reply.body)["reason"]) == (403, "condition_not_met", "condition_not_met")
        assert shared.upstream.requests == []


def test_a_condition_is_not_met_by_the_token_that_ends_here(shared, tokens):
    reply = shared.postern.ask("GET", "/keyed", "X-Key: " + tokens["alice"])
    assert (reply.status, json.loads(reply.body)["reason"]) == (403, "condition_not_met")


def test_an_owner_may_see_what_is_theirs(shared, tokens):
    mine = ["Authorization: Bearer " + tokens["alice"]]
    assert shared.postern.ask("GET", "/users/alice%40example.org", *mine).status == 200
    assert shared.postern.ask("GET", "/users/alice@example.org", *mine).status == 200
    reply = shared.postern.ask("GET", "/users/bob@example.org", *mine)
    assert (reply.status, json.loads(reply.body)["reason"]) == (403, "not_owner")
    assert shared.postern.ask("GET", "/users/alice@example.org").status == 401
    assert len(shared.upstream.requests) == 2


def test_a_shadowed_condition_lets_a_valid_token_pass_and_nobody_else(shared, tokens):
    assert shared.postern.ask("GET", "/shadow", "Authorization: Bearer " + tokens["nothing"]).status == 200
    assert shared.postern.ask("GET", "/shadow").status == 401
    assert len(shared.upstream.requests) == 1


@pytest.mark.parametrize("name", ["X-Tier", "x_tier", "X.TIER"])
@pytest.mark.parametrize("target, arrives", [("/tier", ["gold"]), ("/open", [])])
def test_what_a_rule_sets_no_client_can_send_on_any_path(shared, target, arrives, name):
    assert shared.postern.ask("GET", target, f"{name}: forged").status == 200
    (request,) = shared.upstream.requests
    assert b"forged" not in request.raw
    assert [value for key, value in request.fields if key.lower() == "x-tier"] == arrives


@pytest.mark.parametrize("target, status", [("/open", 413), ("/tier", 200)])
def test_the_limit_of_a_rule_holds_for_both_framings(shared, target, status):
    assert shared.postern.ask("POST", target, body=b"12345678901").status == status
    with Client(shared.postern.port) as client:
        client.send(request("POST", target, "Transfer-Encoding: chunked") + chunked(b"12345678901"))
        assert client.reply().status == status


def test_the_end_of_an_endpoint_is_told(shared):
    reply = shared.postern.ask("GET", "/old")
    assert (reply.get("deprecation"), reply.get("sunset")) == ("@1767225600", "Sun, 31 Jan 2027 00:00:00 GMT")
    assert shared.postern.ask("GET", "/open").get("sunset") is None


def test_only_a_preflight_passes_without_a_token(shared):
    asked = ["Origin: https://app.example", "Access-Control-Request-Method: PUT"]
    assert shared.postern.ask("OPTIONS", "/anything", *asked).status == 200
    assert shared.postern.ask("OPTIONS", "/anything", asked[0]).status == 403
    assert shared.postern.ask("PUT", "/anything", *asked).status == 401
    assert [request.method for request in shared.upstream.requests] == ["OPTIONS"]
