"""What a caller is told: the answers of design 11, for every kind of credential and every kind of rule."""

import json
from datetime import datetime, timezone

import pytest

from server import run
from wire import request, response


def problem(reply, status, code=None):
    """Checks the form of a refusal (RFC 9457) and gives its members."""
    assert reply.status == status, reply.raw
    assert reply.get("content-type") == "application/problem+json"
    body = json.loads(reply.body)
    assert body["status"] == status
    assert isinstance(body["title"], str) and body["title"]
    assert isinstance(body["type"], str)
    assert isinstance(body["code"], str) and body["code"]
    assert body["request_id"] and body["request_id"] == reply.get("x-request-id")
    assert reply.get("location") is None
    if code is not None:
        assert body["code"] == code
    return body


def challenge(reply):
    value = reply.get("www-authenticate")
    assert value and value.startswith("Bearer"), reply.raw
    return value


PRIVATE = ["/private", "/read/a", "/write/a", "/role", "/group", "/license", "/shadow", "/projects/42/x", "/nowhere"]


@pytest.mark.parametrize("target", PRIVATE)
def test_without_a_credential_401_names_the_scheme_and_no_error(shared, target):
    reply = shared.postern.ask(target=target)
    problem(reply, 401)
    assert "error=" not in challenge(reply)
    assert shared.upstream.received == b""


@pytest.mark.parametrize("value", ["Basic cmVhZGVyOnNlY3JldA==", "Digest username=reader", "Negotiate", "Token abcdefabcdef"])
def test_another_scheme_is_as_good_as_none(shared, value):
    reply = shared.postern.ask("GET", "/read", f"Authorization: {value}")
    problem(reply, 401)
    assert "error=" not in challenge(reply)
    assert shared.upstream.received == b""


UNUSABLE = {
    "a stranger's": "0123456789abcdefghijklmnop",
    "ours with a wrong checksum": "pst_0123456789abcdefghijklmnopqrstuvAAAAAA",
    "ours, cut short": "pst_0123",
    "ours, too long": "pst_" + "0" * 60,
    "longer than any credential": "a" * 2000,
    "one byte": "a",
    "padded": "abcdefghijklmnop==",
}


@pytest.mark.parametrize("secret", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_an_unusable_token_is_invalid_token(shared, secret):
    reply = shared.postern.ask(target="/read", token=secret)
    problem(reply, 401, "invalid_token")
    assert 'error="invalid_token"' in challenge(reply)
    assert len(secret) == 1 or secret.encode() not in reply.raw
    assert shared.upstream.received == b""


MALFORMED = {
    "no credential": ["Authorization: Bearer"],
    "a blank credential": ["Authorization: Bearer "],
    "two spaces": ["Authorization: Bearer  {token}"],
    "a tab": ["Authorization: Bearer\t{token}"],
    "something after it": ["Authorization: Bearer {token} x"],
    "a list": ["Authorization: Bearer {token}, Bearer {token}"],
    "a comma at its end": ["Authorization: Bearer {token},"],
    "a quoted one": ['Authorization: Bearer "{token}"'],
    "no token68": ["Authorization: Bearer {token}!"],
    "padding in the middle": ["Authorization: Bearer a=b"],
    "obs-text": ["Authorization: Bearer {token}\xe9"],
    "twice": ["Authorization: Bearer {token}", "Authorization: Bearer {token}"],
    "twice, the second of another scheme": ["Authorization: Bearer {token}", "Authorization: Basic eA=="],
    "twice, the first of another scheme": ["Authorization: Basic eA==", "Authorization: Bearer {token}"],
    "empty": ["Authorization:"],
}


@pytest.mark.parametrize("target", ["/read", "/open", "/nowhere"])
@pytest.mark.parametrize("fields", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_or_repeated_authorization_is_400_invalid_request(shared, fields, target):
    token = shared.tokens["reader"]
    reply = shared.postern.ask("GET", target, *(field.format(token=token) for field in fields))
    problem(reply, 400, "invalid_request")
    assert token.encode() not in reply.raw
    assert shared.upstream.received == b""


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_the_scheme_is_read_in_any_case(shared, scheme):
    reply = shared.postern.ask("GET", "/read", f"Authorization: {scheme} {shared.tokens['reader']}")
    assert reply.status == 200
    assert len(shared.upstream.requests) == 1


# token, method, path -> status; a subject, a rule, an answer.
RIGHTS = [
    ("reader", "GET", "/read/a", 200),
    ("reader", "POST", "/read/a", 200),
    ("reader", "GET", "/write/a", 403),
    ("reader", "GET", "/role", 403),
    ("reader", "GET", "/group", 403),
    ("reader", "GET", "/license", 403),
    ("reader", "GET", "/private/x", 200),
    ("reader", "GET", "/shadow", 200),
    ("reader", "GET", "/closed/x", 403),
    ("reader", "GET", "/nowhere", 403),
    ("reader", "GET", "/read", 200),
    ("reader", "GET", "/READ", 403),
    ("reader", "GET", "/readx", 403),
    ("writer", "GET", "/write/a", 200),
    ("writer", "GET", "/role", 200),
    ("writer", "GET", "/group", 200),
    ("writer", "GET", "/license", 200),
    ("writer", "GET", "/projects/42/x", 403),
    ("nothing", "GET", "/private", 200),
    ("nothing", "GET", "/read", 403),
    ("nothing", "GET", "/shadow", 200),
    ("alice", "GET", "/read", 200),
    ("alice", "GET", "/group", 200),
    ("alice", "GET", "/write", 403),
    ("project", "GET", "/projects/42", 200),
    ("project", "GET", "/projects/42/a/b", 200),
    ("project", "GET", "/projects/43", 403),
    ("project", "GET", "/projects/4%32", 200),
    ("project", "GET", "/projects", 403),
    ("project", "GET", "/projects//x", 400),
    ("project", "GET", "/read", 403),
]


@pytest.mark.parametrize("name, method, target, status", RIGHTS)
def test_rights(shared, name, method, target, status):
    """Every kind of requirement, by subjects that meet it and subjects that do not."""
    reply = shared.postern.ask(method, target, token=shared.tokens[name])
    assert reply.status == status
    assert len(shared.upstream.requests) == (1 if status == 200 else 0)
    if status == 403:
        body = problem(reply, 403)
        if body["code"] in ("no_rule", "denied"):  # no token would change that
            assert reply.get("www-authenticate") is None
            assert target in ("/nowhere", "/closed/x", "/READ", "/readx", "/projects")
        else:
            assert body["code"] == "insufficient_scope"
            assert 'error="insufficient_scope"' in challenge(reply)
        assert shared.upstream.received == b""


def test_deny_is_403_without_a_token_too(shared):
    problem(shared.postern.ask(target="/closed/x"), 403)
    assert shared.upstream.received == b""


@pytest.mark.parametrize("secret", [None, *UNUSABLE.values()], ids=["none", *UNUSABLE.keys()])
def test_where_everybody_may_pass_an_unusable_token_is_nobody(shared, secret):
    reply = shared.postern.ask(target="/open/x", token=secret or "")
    assert reply.status == 200
    assert shared.upstream.last.get("x-subject-type") == "anonymous"
    assert [name for name in shared.upstream.last.names() if name.startswith("x-subject-")] == ["x-subject-type"]
    assert "authorization" not in shared.upstream.last.names()


def test_where_everybody_may_pass_a_valid_token_is_its_subject(shared):
    shared.postern.ask(target="/open/x", token=shared.tokens["reader"])
    assert shared.upstream.last.get("x-subject-type") == "token"
    assert shared.upstream.last.get("x-subject-name") == "reader"


@pytest.mark.parametrize("target", ["/read/a", "/write/a", "/closed", "/nowhere", "/read/../x", "/read?q=secret-in-query"])
def test_no_answer_tells_more_than_it_must(shared, target):
    """Neither a secret, nor a path on this machine, nor the query, nor who is behind."""
    token = shared.tokens["nothing"]
    reply = shared.postern.ask("GET", target, token=token)
    assert reply.status in (400, 401, 403)
    for word in (token, token[4:20], "secret-in-query", str(shared.postern.folder), str(shared.upstream.port), "policy.yaml"):
        assert word.encode() not in reply.raw


def test_an_unknown_an_expired_and_a_disabled_token_get_the_same_words(shared):
    store = shared.postern.store
    disabled = store.create_token("soon-disabled")
    store.run("token", "disable", store.token_id("soon-disabled"))
    deleted = store.create_token("soon-deleted")
    store.run("token", "delete", store.token_id("soon-deleted"))
    rotated = store.create_token("soon-rotated")
    store.run("token", "rotate", store.token_id("soon-rotated"), "--quiet")

    def words(secret):
        reply = shared.postern.ask(target="/read", token=secret)
        body = problem(reply, 401, "invalid_token")
        del body["request_id"]
        return body, challenge(reply), sorted(reply.names())

    expected = words("0123456789abcdefghijklmnop")
    for secret in (disabled, deleted, rotated):
        assert words(secret) == expected


def test_head_is_refused_without_a_body(shared):
    with shared.postern.client() as client:
        client.send(request("HEAD", "/read"))
        reply = client.reply("HEAD")
        assert reply.status == 401 and int(reply.get("content-length")) > 0
        assert client.ask().status == 200  # what follows is the next answer, not a body
    assert len(shared.upstream.requests) == 1


def test_a_refused_request_without_a_body_leaves_the_connection_open(shared):
    with shared.postern.client() as client:
        for _ in range(3):
            assert client.ask(target="/read").status == 401
        assert client.ask(target="/read", token=shared.tokens["reader"]).status == 200


@pytest.mark.parametrize("damage", ["zeroed", "cut short", "something else"])
def test_a_broken_store_is_no_store(guard, damage):
    """It refuses to start. Never open, and never as if it were empty."""
    postern = guard(begin=False)
    state = postern.store.directory / "postern.store" / "state.mdb"
    content = state.read_bytes()
    state.write_bytes({"zeroed": bytes(len(content)), "cut short": content[:5000], "something else": b"\x7fELF" * 4096}[damage])
    refused = run("run", *postern.arguments, ok=1)
    assert "store" in refused.stderr


def test_a_store_that_breaks_under_a_running_server_is_503(guard, tokens):
    """Not 401: the caller's token may well be good. And not 200. The meta pages stay, all others are overwritten."""
    postern = guard()
    state = postern.store.directory / "postern.store" / "state.mdb"
    with open(state, "r+b") as file:
        file.seek(2 * 4096)
        file.write(b"\xff" * (state.stat().st_size - 2 * 4096))
    reply = postern.ask(target="/read", token=tokens["reader"])
    problem(reply, 503, "store_unavailable")
    assert reply.get("retry-after")
    assert postern.ask(target="/open").status == 200  # needs no store


def http_date(text):
    return datetime.strptime(text, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=timezone.utc)


def test_our_own_answers_tell_the_date(shared):
    before = datetime.now(timezone.utc).replace(microsecond=0)
    for target, status in [("/private", 401), ("/nowhere", 401), ("/open/../x", 400)]:
        reply = shared.postern.ask("GET", target)
        assert reply.status == status
        assert before <= http_date(reply.get("date")) <= datetime.now(timezone.utc)


def test_an_answer_without_a_date_gets_one_and_an_answer_with_one_keeps_it(shared):
    """RFC 9110 section 6.6.1: who receives an answer without Date and passes it on adds it."""
    before = datetime.now(timezone.utc).replace(microsecond=0)
    reply = shared.postern.ask()
    assert before <= http_date(reply.get("date")) <= datetime.now(timezone.utc)

    shared.upstream.answer = response(200, "Date: Sun, 06 Nov 1994 08:49:37 GMT")
    assert shared.postern.ask().all("date") == ["Sun, 06 Nov 1994 08:49:37 GMT"]


def test_via_is_not_added(shared):
    """On purpose (ARCHITECTURE.md); what the client and the upstream say there passes."""
    shared.upstream.answer = response(200, "Via: 1.1 cache")
    reply = shared.postern.ask("GET", "/open", "Via: 1.0 edge")
    assert reply.all("via") == ["1.1 cache"]
    assert shared.upstream.last.all("via") == ["1.0 edge"]
