"""Several upstreams, several addresses each, and the credential of our own there."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import threading

import pytest

from server import run, until
from upstream import Upstream
from wire import PATIENCE, chunked, request, response

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


def test_a_mistake_beside_a_credential_in_the_configuration_does_not_show_it(guard, upstream):
    postern = guard(begin=False, policy=OPEN)
    postern.config_file.write_text(
        f"upstreams:\n  api: {{urll: '{upstream.url}', headers: {{X-Key: s3cret}}}}\npolicy: {postern.policy_file}\nstore: {postern.store.directory}\n")
    checked = run("check", "--config", postern.config_file, ok=1)
    assert 'unknown key "urll"' in checked.stderr and "s3cret" not in checked.stdout + checked.stderr


# --- several addresses ---

OPEN = "\n".join(POLICY.splitlines()[:3]) + "\n"


def several(guard, urls, **config):
    entry, under = config.pop("entry", {}), config.pop("under", None)
    return guard(policy=OPEN, under=under, config={**named(api={"addresses": urls, **entry}), "shards": 1, **config})


def figure(postern, name, address):
    """Of one address, from the metrics."""
    for line in postern.metrics().splitlines():
        if line.startswith(f"postern_{name}{{") and f'address="{address.url[7:]}"' in line:
            return int(line.split()[-1])
    raise AssertionError(f"no {name} of {address.url}")


def states(postern):
    return json.loads(postern.admin("/readyz").body)["upstreams"]["api"]


def test_every_address_of_a_name_is_used(guard):
    with upstreams(3) as these:
        postern = several(guard, [one.url for one in these])
        for _ in range(9):
            assert postern.ask().status == 200
        assert [len(one.requests) for one in these] == [3, 3, 3]
        # Connections are kept for each of them.
        assert [len(one.connections) for one in these] == [1, 1, 1]
        assert states(postern) == {one.url[7:]: "usable" for one in these}
        assert [figure(postern, "upstream_requests_total", one) for one in these] == [3, 3, 3]


def test_a_request_goes_where_the_fewest_are_in_flight(guard):
    with upstreams(2) as (slow, quick):
        postern = several(guard, [slow.url, quick.url])
        asked, release = threading.Event(), threading.Event()

        def serve(connection):
            connection.request()
            asked.set()
            release.wait(PATIENCE)
            connection.send(response())

        slow.serve = serve
        waiting = []
        while not asked.is_set():  # the first or the second one
            client = postern.client()
            client.send(request("GET", "/open"))
            waiting.append(client)
            until(lambda: asked.is_set() or len(quick.requests) == len(waiting), "the request has arrived")
        assert figure(postern, "upstream_requests_in_flight", slow) == 1
        before = len(quick.requests)
        for _ in range(5):
            assert postern.ask().status == 200
        assert len(quick.requests) == before + 5
        release.set()
        for client in waiting:
            assert client.reply().status == 200
            client.close()
        until(lambda: figure(postern, "upstream_requests_in_flight", slow) == 0, "the slow one is free")


def test_the_next_address_is_tried_and_the_one_that_is_down_is_left_alone(guard):
    with upstreams(2) as (down, up):
        down.stop_listening()
        postern = several(guard, [down.url, up.url])
        for _ in range(12):
            assert postern.ask("POST", body=b"x").status == 200  # nothing was sent to the first: no repetition
        assert len(up.requests) == 12
        assert figure(postern, "upstream_failures_total", down) == 3
        assert figure(postern, "upstream_ejections_total", down) == 1
        assert states(postern) == {down.url[7:]: "ejected", up.url[7:]: "usable"}


def test_an_address_that_comes_back_is_used_again(guard):
    with upstreams(1) as (up,), socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        postern = several(guard, [url, up.url])
        for _ in range(6):
            assert postern.ask().status == 200
        assert states(postern)[url[7:]] == "ejected"
        reserved.listen()
        threading.Thread(target=lambda: _serve_all(reserved), daemon=True).start()
        until(lambda: postern.ask().body == b"back", "the address is used again")
        reserved.shutdown(socket.SHUT_RDWR)


def _serve_all(listener):
    while True:
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        with sock:
            if sock.recv(65536):
                sock.sendall(response(200, "Connection: close", body=b"back"))


def test_when_all_are_ejected_they_are_tried_all_the_same(guard):
    with upstreams(2) as these:
        for one in these:
            one.stop_listening()
        postern = several(guard, [one.url for one in these])
        for _ in range(8):
            assert postern.ask().status == 502
        assert set(states(postern).values()) == {"ejected"}
        assert b"none of its addresses is usable" in postern.admin("/readyz").body
        tried = sum(figure(postern, "upstream_failures_total", one) for one in these)
        assert postern.ask().status == 502
        assert sum(figure(postern, "upstream_failures_total", one) for one in these) > tried


def test_an_address_that_dies_before_it_answers_is_left_alone(guard):
    with upstreams(2) as (dying, up):
        dying.serve = lambda connection: connection.request()
        postern = several(guard, [dying.url, up.url])
        statuses = [postern.ask("POST").status for _ in range(12)]
        assert statuses.count(502) == 3
        assert figure(postern, "upstream_failures_total", dying) == 3
        assert states(postern)[dying.url[7:]] == "ejected"


def test_an_address_that_does_not_answer_in_time_is_left_alone(guard):
    with upstreams(2) as (slow, up):
        slow.serve = lambda connection: connection.rest()
        postern = several(guard, [slow.url, up.url], timeouts={"response": "100ms", "drain": "2s"})
        statuses = [postern.ask().status for _ in range(12)]
        assert statuses.count(504) == 3
        assert states(postern)[slow.url[7:]] == "ejected"


def test_an_address_that_answers_500_is_not_left_alone(guard):
    """That is the application's answer: whether it is well is for its health check to say."""
    with upstreams(2) as (failing, up):
        failing.answer = response(500)
        postern = several(guard, [failing.url, up.url])
        assert [postern.ask().status for _ in range(10)].count(500) == 5


def test_a_name_with_two_families_and_a_socket(guard, tmp_path, upstream):
    """`localhost` may be found under ::1 too, where nobody listens: the other address is tried."""
    postern = several(guard, [f"http://localhost:{upstream.port}"])
    until(lambda: postern.admin("/readyz").status == 200, "the name is found")
    for _ in range(4):
        assert postern.ask().status == 200


def test_a_name_that_nobody_knows_is_not_ready_and_502(guard):
    postern = several(guard, ["http://nobody.invalid:80"])
    assert postern.ask().status == 502
    ready = postern.admin("/readyz")
    assert ready.status == 503 and b"upstream api: its name has not been resolved yet" in ready.body


# --- health checks ---


def healthy_when(upstream, well):
    """Answers /health by `well`, everything else with 200."""
    upstream.answer = lambda head, connection: response(well[0]) if head.target == "/health" else response()


def test_an_address_that_fails_its_health_check_is_not_used_until_it_is_well(guard):
    with upstreams(2) as (sick, well):
        status = [503]
        healthy_when(sick, status)
        healthy_when(well, [204])
        postern = several(guard, [sick.url, well.url],
                          entry={"health": {"path": "/health", "interval": "20ms"}, "headers": {"X-Api-Key": "ours"}})
        until(lambda: states(postern) == {sick.url[7:]: "unhealthy", well.url[7:]: "usable"}, "the check says so")
        assert figure(postern, "upstream_address_healthy", sick) == 0
        sick.forget()
        for _ in range(6):
            assert postern.ask().status == 200
        asked = list(sick.requests)
        assert {head.target for head in asked} <= {"/health"}
        until(lambda: sick.requests, "one more question")
        question = sick.last
        assert question.get("host") == f"127.0.0.1:{sick.port}"
        assert question.get("x-api-key") == "ours"
        assert not [name for name in question.names() if name.startswith("x-subject-")]
        assert postern.admin("/readyz").status == 200
        status[0] = 200
        until(lambda: states(postern)[sick.url[7:]] == "usable", "it is well again")
        for _ in range(4):
            assert postern.ask().status == 200
        assert "/open" in [head.target for head in sick.requests]


@pytest.mark.parametrize("answer", [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
                                    b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20000 + b"\r\n\r\n",
                                    response(body=b"x" * 100_000), response(302, "Location: /"), b"", None])
def test_what_is_no_good_answer_to_a_health_check(guard, answer):
    with upstreams(1) as (sick,):
        def serve(connection):
            head = connection.request()
            if head.target != "/health":
                connection.send(response(200, "Connection: close"))
            elif answer is None:
                connection.rest()  # hangs until it is hung up on
            else:
                try:
                    connection.send(answer)
                except OSError:
                    pass

        sick.serve = serve
        postern = several(guard, [sick.url], entry={"health": {"path": "/health", "interval": "20ms", "timeout": "200ms"}})
        until(lambda: states(postern) == {sick.url[7:]: "unhealthy"}, "the check says so")
        # The only one is tried all the same.
        assert postern.ask().status == 200
        assert b"none of its addresses is usable" in postern.admin("/readyz").body


def test_one_bad_answer_among_good_ones_changes_nothing(guard):
    with upstreams(1) as (one,):
        count = [0]

        def answer(head, connection):
            count[0] += 1
            return response(503 if count[0] % 2 else 200)

        one.answer = answer
        postern = several(guard, [one.url], entry={"health": {"path": "/health", "interval": "10ms"}})
        until(lambda: count[0] > 10, "some questions")
        assert states(postern) == {one.url[7:]: "usable"}
        assert "fails its health check" not in postern.log


def test_a_health_check_at_a_unix_socket_that_is_not_there(guard, tmp_path):
    postern = several(guard, [f"unix:{tmp_path}/none.sock"], entry={"health": {"path": "/health", "interval": "10ms"}})
    until(lambda: set(states(postern).values()) == {"unhealthy"}, "the check says so")
    assert postern.ask().status == 502


# --- names that move ---


def own_hosts(file):
    """A command that runs another one with a hosts file of its own."""
    return ["unshare", "-rm", "sh", "-c", 'mount --bind "$1" /etc/hosts && shift && exec "$@"', "sh", str(file)]


def test_a_name_that_moves_is_followed_and_a_failed_look_up_changes_nothing(guard, tmp_path):
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 app.test\n")
    if subprocess.run([*own_hosts(hosts), "true"], capture_output=True).returncode != 0:
        pytest.skip("no namespaces of our own here")
    with upstreams(1) as (old,), contextlib.closing(Upstream(host="127.0.0.2", port=old.port)) as new:
        postern = several(guard, [f"http://app.test:{old.port}"], entry={"resolve": "100ms"}, under=own_hosts(hosts))
        until(lambda: postern.admin("/readyz").status == 200, "the name is found")
        assert postern.ask().status == 200
        assert len(old.requests) == 1
        asked, release = threading.Event(), threading.Event()

        def serve(connection):
            connection.request()
            asked.set()
            release.wait(PATIENCE)
            connection.send(response(body=b"the old one"))
            connection.rest()

        old.serve = serve
        with postern.client() as busy:
            busy.send(request("GET", "/open"))
            assert asked.wait(PATIENCE)
            since = len(old.connections)
            hosts.write_text("127.0.0.2 app.test\n")
            until(lambda: states(postern) == {f"127.0.0.2:{old.port}": "usable"}, "the new address is known")
            for _ in range(4):
                assert postern.ask().status == 200
            assert len(new.requests) == 4 and len(old.connections) == since
            # What is under way there is served to its end, and its connection not kept.
            release.set()
            assert busy.reply().body == b"the old one"
            until(lambda: all(connection.ended for connection in old.connections), "the old address has no connection left")
        hosts.write_text("127.0.0.1 another.test\n")
        postern.wait_for_log("upstream api: app.test")
        assert postern.ask().status == 200
        assert len(new.requests) == 5
        assert postern.admin("/readyz").status == 200
        hosts.write_text("127.0.0.1 app.test\n127.0.0.2 app.test\n")
        until(lambda: len(states(postern)) == 2, "both are known")


# Each with one mistake that leaves no tree, or none that reaches the headers.
MISTAKEN = {
    "a quote that is not closed": 'headers: {X-Api-Key: "s3cret}\n',
    "a colon too many": "headers:\n      X-Api-Key: s3cret: more\n",
    "a blank too few": "headers: {X-Api-Key:s3cret}\n",
    "an unknown key": "heeders: {X-Api-Key: s3cret}\n",
    "an indentation": "headers:\n      X-A: b\n     X-Api-Key: s3cret\n",
}


def mistaken(url):
    entry = f"upstreams:\n  default:\n    url: {url}\n    "
    texts = {name: entry + text for name, text in MISTAKEN.items()}
    texts["a name"] = f"upstreams:\n  Default: {{url: {url}, headers: {{X-Api-Key: s3cret}}}}\n"
    return texts


def test_no_mistake_in_a_configuration_shows_our_credential(guard, upstream):
    postern = guard(policy="\n".join(POLICY.splitlines()[:3]) + "\n")
    good = {key: value for key, value in postern.config.items() if key != "upstream" and value is not None}
    rest = "\n".join(f"{key}: {json.dumps(value)}" for key, value in good.items()) + "\n"
    for name, text in mistaken(upstream.url).items():
        since = len(postern.log)
        postern.config_file.write_text(rest + text)
        postern.signal(signal.SIGHUP)
        postern.wait_for_log("reload refused", since)
        ready = postern.admin("/readyz")
        assert b"postern.yaml:" in ready.body
        checked = run("check", "--config", postern.config_file, ok=1)
        started = run("run", "--config", postern.config_file, ok=1)
        for said in (postern.log, ready.body.decode(), checked.stdout + checked.stderr, started.stdout + started.stderr):
            assert "s3cret" not in said, name


def test_the_probes_show_no_line_of_a_file(guard, upstream):
    postern = guard()
    since = len(postern.log)
    postern.policy_file.write_text("version: 1\nrules:\n  - {id: open, pth: /a-path-of-ours}\n")
    postern.wait_for_log("a-path-of-ours", since)
    ready = postern.admin("/readyz")
    assert b'unknown key' in ready.body and b"a-path-of-ours" not in ready.body


def test_each_address_gets_the_host_of_its_own(guard):
    with upstreams(2) as both:
        policy = "\n".join(POLICY.splitlines()[:3]) + "\n"
        postern = guard(policy=policy, config={**named(default=[one.url for one in both]), "preserve_host": False, "shards": 1})
        for _ in range(6):
            assert postern.ask(target="/open").status == 200
        for one in both:
            assert {head.get("host") for head in one.requests} == {f"127.0.0.1:{one.port}"}
