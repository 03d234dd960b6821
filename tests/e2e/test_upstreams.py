"""Several upstreams, several addresses each, and the credential of our own there."""

import contextlib
import json
import os
import signal
import socket
import threading

import pytest

from server import run, until
from upstream import Upstream
from wire import PATIENCE, Client, Ended, Request, chunked, request, response

POLICY = """\
version: 1
rules:
  - {id: open, path: /open/**, allow: anonymous}
  - {id: orders, path: /orders/**, allow: anonymous, upstream: orders}
  - {id: files, path: /files/**, allow: anonymous, upstream: files}
"""


@contextlib.contextmanager
def upstreams(count):
    these = [Upstream() for _ in range(count)]
    try:
        yield these
    finally:
        for one in these:
            one.close()
    assert not [failure for one in these for failure in one.failures]


def named(upstream=None, **entries):
    """A configuration with these entries, each a URL, a list of them or a mapping."""
    shaped = {}
    for name, value in entries.items():
        if isinstance(value, str):
            value = {"url": value}
        elif isinstance(value, list):
            value = {"addresses": value}
        shaped[name] = value
    return {"upstream": upstream, "upstreams": shaped}


# --- by rule ---


def test_a_rule_leads_to_its_upstream_and_to_no_other(guard, upstream):
    with upstreams(2) as (orders, files):
        postern = guard(policy=POLICY, config=named(upstream.url, orders=orders.url, files=files.url))
        with postern.client() as client:
            for path in ("/open/1", "/orders/1", "/files/1", "/orders/2", "/open/2"):
                assert client.ask(target=path).status == 200
        assert [head.target for head in upstream.requests] == ["/open/1", "/open/2"]
        assert [head.target for head in orders.requests] == ["/orders/1", "/orders/2"]
        assert [head.target for head in files.requests] == ["/files/1"]
        # Kept connections are its own, too.
        assert [len(one.connections) for one in (upstream, orders, files)] == [1, 1, 1]


def test_the_host_of_the_upstream_is_that_of_the_one_chosen(guard, upstream):
    with upstreams(1) as (orders,):
        postern = guard(policy=POLICY.replace("files", "orders"), begin=False,
                        config={**named(upstream.url, orders=orders.url), "preserve_host": False})
        postern.policy_file.write_text("\n".join(POLICY.splitlines()[:4]) + "\n")
        postern.start().ask(target="/orders")
        assert orders.last.get("host") == f"127.0.0.1:{orders.port}"


def test_the_default_may_be_an_entry_like_the_others(guard):
    with upstreams(2) as (default, orders):
        policy = "\n".join(POLICY.splitlines()[:4]) + "\n"
        postern = guard(policy=policy, config=named(default=default.url, orders=orders.url))
        assert postern.ask(target="/open").status == 200
        assert [len(one.requests) for one in (default, orders)] == [1, 0]


def test_one_upstream_that_is_down_does_not_concern_the_others(guard, upstream):
    with upstreams(2) as (orders, files):
        postern = guard(policy=POLICY, config=named(upstream.url, orders=orders.url, files=files.url))
        orders.stop_listening()
        assert [postern.ask(target=path).status for path in ("/orders", "/files", "/open")] == [502, 200, 200]


def test_a_rule_with_an_unknown_upstream_stops_the_start_with_its_place(guard, upstream):
    postern = guard(begin=False, policy=POLICY, config=named(upstream.url, order=upstream.url, files=upstream.url))
    checked = run("check", "--config", postern.config_file, ok=1)
    assert 'policy.yaml:4:64: there is no upstream "orders"; did you mean "order"?' in checked.stdout + checked.stderr
    started = run("run", "--config", postern.config_file, ok=1)
    assert 'policy.yaml:4:64: there is no upstream "orders"' in started.stderr


def test_an_unknown_upstream_in_a_reload_keeps_the_last_good_policy(guard, upstream):
    with upstreams(2) as (orders, files):
        postern = guard(policy=POLICY, config=named(upstream.url, orders=orders.url, files=files.url))
        since = len(postern.log)
        postern.policy_file.write_text(POLICY.replace("upstream: orders", "upstream: nowhere"))
        postern.wait_for_log('there is no upstream "nowhere"', since)
        assert postern.ask(target="/orders").status == 200
        assert len(orders.requests) == 1


# --- our own credential ---


def credential(guard, upstream, **entry):
    policy = "\n".join(POLICY.splitlines()[:3]) + "\n"
    return guard(policy=policy, config=named(api={"url": upstream.url, **entry}))


ALIASES = ["X-Api-Key: theirs", "x-api-key: theirs", "X_Api_Key: theirs", "X.Api.Key: theirs", "X-API_key: theirs", "_X-Api-Key: theirs",
           "X-Api-Key_: theirs", "X~Api~Key: theirs"]


@pytest.mark.parametrize("alias", ALIASES)
def test_the_upstream_gets_our_credential_and_no_other_under_its_name(guard, upstream, alias):
    postern = credential(guard, upstream, headers={"X-Api-Key": "ours"})
    assert postern.ask("GET", "/open", alias, "X-Other: theirs").status == 200
    raw = upstream.last.raw
    assert b"theirs" not in raw.replace(b"X-Other: theirs", b"")
    assert upstream.last.all("X-Api-Key") == ["ours"]
    assert raw.count(b"ours") == 1
    assert b"X-Other: theirs\r\n" in raw


def test_our_authorization_replaces_the_clients(guard, upstream, tokens):
    postern = credential(guard, upstream, headers={"Authorization": "Basic Zm9vOmJhcg=="})
    assert postern.ask("GET", "/open", token=tokens["reader"]).status == 200
    assert upstream.last.all("Authorization") == ["Basic Zm9vOmJhcg=="]
    assert tokens["reader"].encode() not in upstream.received


def test_connection_cannot_name_our_credential_away(guard, upstream):
    postern = credential(guard, upstream, headers={"X-Api-Key": "ours"})
    postern.ask("GET", "/open", "Connection: X-Api-Key")
    assert upstream.last.all("X-Api-Key") == ["ours"]


def test_a_credential_from_a_file_is_read_again_when_it_changes(guard, upstream, tmp_path):
    file = tmp_path / "credential"
    file.write_text("X-Api-Key: first-s3cret\n")
    file.chmod(0o600)
    postern = credential(guard, upstream, headers_file=str(file), headers={"X-Static": "same"})
    assert postern.ask().status == 200
    assert (upstream.last.get("X-Api-Key"), upstream.last.get("X-Static")) == ("first-s3cret", "same")
    assert "can read" not in postern.log
    since = len(postern.log)
    replacement = tmp_path / "next"
    replacement.write_text("X-Api-Key: second-s3cret\n")
    replacement.chmod(0o644)
    os.rename(replacement, file)
    postern.wait_for_log("reloaded", since)
    postern.wait_for_log("everybody on this machine can read", since)
    assert postern.ask().status == 200
    assert upstream.last.get("X-Api-Key") == "second-s3cret"
    # A broken one keeps the last good one, and says so without saying what is in it.
    for broken in ("X-Api-Key: [s3cret]\n", "Host: s3cret\n", "X-Api-Key: \"s3cret\n"):
        since = len(postern.log)
        file.write_text(broken)
        postern.wait_for_log("keeps the headers it had", since)
        assert postern.ask().status == 200
        assert upstream.last.get("X-Api-Key") == "second-s3cret"
        ready = postern.admin("/readyz")
        assert ready.status == 200 and b"keeps the headers" in ready.body and b"s3cret" not in ready.body
    since = len(postern.log)
    file.write_text("X-Api-Key: third-s3cret\n")
    postern.wait_for_log("reloaded", since)
    postern.signal(signal.SIGHUP)
    assert postern.ask().status == 200
    assert upstream.last.get("X-Api-Key") == "third-s3cret"
    assert b"warnings" not in postern.admin("/readyz").body
    assert "s3cret" not in postern.log and "s3cret" not in postern.metrics()
    assert "s3cret" not in postern.access_file.read_text()


@pytest.mark.parametrize("text", ["", "Host: s3cret\n", "X_Key: s3cret\n", "X-Subject-Id: s3cret\n", "X-Key: \"s3cret\n"])
def test_a_broken_credential_file_stops_the_start_and_is_not_shown(guard, upstream, tmp_path, text):
    file = tmp_path / "credential"
    file.write_text(text)
    policy = "\n".join(POLICY.splitlines()[:3]) + "\n"
    postern = guard(begin=False, policy=policy, config=named(api={"url": upstream.url, "headers_file": str(file)}))
    for command in ("check", "run"):
        done = run(command, "--config", postern.config_file, ok=1)
        assert str(file) in done.stdout + done.stderr
        assert "s3cret" not in done.stdout + done.stderr


def test_a_trailer_under_the_name_of_our_credential_stays_here(guard, upstream):
    policy = "\n".join(POLICY.splitlines()[:2]) + "\n  - {id: open, path: /open/**, allow: anonymous, trailers: pass}\n"
    postern = guard(policy=policy, config=named(api={"url": upstream.url, "headers": {"X-Api-Key": "ours"}}))
    body = chunked(b"hello", trailers="X-Api-Key: theirs\r\nx-api-key: theirs\r\nX-Sum: 5\r\n")
    with postern.client() as client:
        client.send(request("POST", "/open", "Transfer-Encoding: chunked") + body)
        assert client.reply().status == 200
    assert upstream.last.trailers == [("X-Sum", "5")]
    assert upstream.last.all("X-Api-Key") == ["ours"]
