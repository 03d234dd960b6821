"""The configurations of deploy/decision/ in Debian's nginx, Caddy and HAProxy: over every rule of the example and every kind of subject they
answer as postern in front does, and the API sees the same of the caller."""

import re
import shutil
import socket
import subprocess

import pytest

from server import ROOT, Store, until
from wire import PATIENCE, Client

EXAMPLE = ROOT / "deploy/example"
DECISION = ROOT / "deploy/decision"
SUBJECT_HEADERS = ["id", "name", "type", "token-id", "groups", "roles", "licenses", "permissions", "certificate", "truncated"]
PATHS = ["/", "/health", "/health/x", "/api/doc/spec.json", "/api/v1/events", "/api/v1/events/1", "/api/v1/events/1/file", "/api/v1/events/%41",
         "/api/v1/admin", "/api/v1/admin/users?all=1", "/elsewhere"]
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]
PROXIES = {
    "nginx": ("nginx.conf", "x-original", lambda place: ["nginx", "-p", place, "-c", place / "nginx.conf", "-e", "stderr", "-g",
                                                         f"daemon off; pid {place}/pid; worker_processes 1;"]),
    "caddy": ("Caddyfile", "x-forwarded", lambda place: ["caddy", "run", "--config", place / "Caddyfile", "--adapter", "caddyfile"]),
    "haproxy": ("haproxy.cfg", "x-forwarded", lambda place: ["haproxy", "-db", "-f", place / "haproxy.cfg"]),
}


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@pytest.fixture(scope="module")
def subjects(tmp_path_factory):
    """The example's store, and a secret of every kind of subject."""
    store = Store(tmp_path_factory.mktemp("example") / "store")
    store.run("catalog", "apply", EXAMPLE / "catalog.yaml")
    secrets = {"nobody": "", "a stranger": "pst_unknown", "no role": store.create_token("none")}
    for role in ("reader", "writer", "admin"):
        secrets[role] = store.create_token(role, "--role", f"events.{role}")
    store.run("user", "create", "alice@example.org", "--role", "events.writer")
    secrets["a user"] = store.create_token("alice's", "--owner", "alice@example.org")
    store.run("token", "create", "--name", "off", "--quiet")
    secrets["a disabled one"] = store.create_token("disabled", "--role", "events.admin")
    store.run("token", "disable", store.token_id("disabled"))
    return store, secrets


@pytest.fixture(params=PROXIES.keys())
def both(request, guard, upstream, subjects, tmp_path):
    """postern in front, and the other proxy that asks postern, on one store and before one API."""
    name = request.param
    program = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    assert program, f"{name} is not installed (deploy/dependencies.txt)"
    file, decide, command = PROXIES[name]
    policy, store = (EXAMPLE / "policy.yaml").read_text(), subjects[0].directory
    limits = {"limits": {"auth_failures_per_minute": 0}}
    front = guard(policy=policy, store=store, config=limits)
    decider = guard(policy=policy, store=store, config={
        **limits, "listen": [{"address": "127.0.0.1:0", "decide": decide}], "trusted_proxies": ["127.0.0.1/32"]})
    port = free_port()
    ports = {"8080": port, "8000": upstream.port, "9181": decider.port, "9182": decider.port}
    place = tmp_path / name
    place.mkdir()
    tmp_path.chmod(0o755)
    for source in DECISION.iterdir():
        text = re.sub(r"(127\.0\.0\.1:|http://:)(\d+)", lambda found: found[1] + str(ports.get(found[2], found[2])), source.read_text())
        (place / source.name).write_text(text)
    log = (place / "log").open("w+")
    process = subprocess.Popen([program, *map(str, command(place)[1:])], cwd=place, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                               env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(place), "XDG_DATA_HOME": str(place)})

    def listens():
        assert process.poll() is None, (place / "log").read_text()
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", port)) == 0

    try:
        until(listens, f"{name} listens", lambda: (place / "log").read_text())
        yield front, decider, port, place
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()


def seen(upstream):
    return {name: upstream.last.get(f"x-subject-{name}") or None for name in SUBJECT_HEADERS}


def ask(port, method, target, *fields, token=""):
    with Client(port) as client:
        return client.ask(method, target, *fields, token=token)


def decided(upstream, door, method, path, token):
    """Asked again when the proxy answers 502 to what it has sent on already: a failure between it and the upstream, once in some
    thousands with Caddy on a busy machine, and no decision of ours."""
    for _ in range(2):
        upstream.forget()
        reply = ask(door, method, path, "X-Subject-Id: root", "X-Subject-Roles: events.admin", token=token)
        if reply.status != 502 or not upstream.requests:
            break
    return reply


def test_the_whole_matrix(both, upstream, subjects):
    front, _, port, _ = both
    different, passed = [], 0
    for who, token in subjects[1].items():
        for path in PATHS:
            for method in METHODS:
                answers, facts = [], []
                for door in (front.port, port):
                    reply = decided(upstream, door, method, path, token)
                    answers.append((reply.status, reply.get("www-authenticate") if reply.status == 401 else None))
                    facts.append((upstream.last.method, upstream.last.target.replace("%41", "A"), seen(upstream)) if upstream.requests else None)
                    assert token == "" or token.encode() not in upstream.received
                passed += answers[0][0] == 200
                if answers[0] != answers[1] or facts[0] != facts[1]:
                    different.append((who, method, path, answers, facts))
    assert not different, different[:3]
    assert passed > 50


def test_a_body_goes_to_the_api_and_not_to_postern(both, upstream, subjects):
    front, decider, port, _ = both
    body = b"x" * 100_000
    with Client(port) as client:
        assert client.ask("POST", "/api/v1/events", token=subjects[1]["writer"], body=body).status == 200
    assert upstream.last.body == body
    assert decider.access_log(1)[-1]["bytes_received"] == 0
    with Client(port) as client:
        client.send(b"")
        reply = client.ask("POST", "/api/v1/events", token=subjects[1]["reader"], body=b"x" * 100)
        assert reply.status == 403
    assert len(upstream.requests) == 1


def test_two_credentials_and_ambiguous_targets_let_nobody_in(both, upstream, subjects):
    _, _, port, _ = both
    token = subjects[1]["admin"]
    for target, fields in {
        "/api/v1/events": [f"Authorization: Bearer {token}", "Authorization: Bearer x"],
        "/api/v1/events/..%2fadmin": [f"Authorization: Bearer {token}"],
        "/health/..;/api/v1/admin": [],
        "/health/../api/v1/admin": [],
        "/health/%2e%2e/api/v1/admin": [],
    }.items():
        assert 400 <= ask(port, "GET", target, *fields).status < 500, target
    assert not upstream.received


def test_conditions_on_any_field_hold(both, upstream, subjects):
    _, decider, port, _ = both
    decider.policy_file.write_text(
        decider.policy_file.read_text()
        + "  - {path: /kept, allow: anonymous, headers: {x-tenant: {not: evil}}}\n  - {path: /bare, allow: anonymous, headers: {x-debug: {absent: true}}}\n"
    )
    decider.wait_for_log("reloaded")
    assert ask(port, "GET", "/kept", "X-Tenant: good").status == 200
    assert ask(port, "GET", "/kept", "X-Tenant: evil").status == 403
    assert ask(port, "GET", "/bare").status == 200
    assert ask(port, "GET", "/bare", "X-Debug: 1").status == 403


def test_a_request_cannot_name_another_one(both, upstream, subjects):
    """What the client says about the original request is not what the proxy says."""
    _, _, port, _ = both
    for line in ("X-Forwarded-Uri: /health", "X-Original-URI: /health", "X-Forwarded-Method: OPTIONS", "X-Original-Method: HEAD",
                 "X-Forwarded-Host: other"):
        assert ask(port, "GET", "/api/v1/events", line).status in (400, 401, 403), line
    assert not upstream.received


def test_without_postern_nobody_is_let_in(both, upstream, subjects):
    _, decider, port, _ = both
    assert ask(port, "GET", "/api/v1/events", token=subjects[1]["reader"]).status == 200
    assert decider.stop() == 0
    upstream.forget()
    for target in ("/api/v1/events", "/health"):
        assert ask(port, "GET", target, token=subjects[1]["reader"]).status >= 500
    assert not upstream.received
