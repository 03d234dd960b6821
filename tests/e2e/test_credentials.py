"""Credentials in other places than Authorization: read where the configuration or the rule says, cut out everywhere."""

import pytest

from test_upgrade import AGREED, HANDSHAKE
from wire import Client, Reply, Request, chunked, request, response

POLICY = """\
version: 1
rules:
  - {id: open, path: /open/**, allow: anonymous}
  - {id: read, path: /read/**, permission: test.read}
  - {id: own, path: /own/**, permission: test.read, credentials: {cookie: own}}
  - {id: trailers, path: /trailers, allow: anonymous, trailers: pass}
"""
SOURCES = ["authorization", {"header": "X-API-Key"}, {"cookie": "session"}, {"query": "access_token"}, {"websocket_protocol": "postern.bearer"}]
SHARED = {"policy": POLICY, "config": {"credentials": SOURCES}}

# Target, the lines beside it, and what of both reaches the upstream. SECRET stands for the reader's.
PLACES = {
    "header": ("/read", ["X-API-Key: SECRET", "A: b"], "/read", ["A: b"]),
    "header under an alias too": ("/read", ["x-api-key:SECRET", "X.API.Key: SECRET", "X_API_KEY: SECRET"], "/read", []),
    "cookie": ("/read", ["Cookie: a=1; session=SECRET; b=2"], "/read", ["Cookie: a=1; b=2"]),
    "cookie alone": ("/read", ["Cookie: session=SECRET", "cookie: c=\"3\""], "/read", ["cookie: c=\"3\""]),
    "query": ("/read?a=%31&access_token=SECRET&b=/?", [], "/read?a=%31&b=/?", []),
    "query alone": ("/read?access%5ftoken=SECRET", [], "/read", []),
}


def sent(lines, secret):
    return [line.replace("SECRET", secret) for line in lines]


def of_client(head):
    """The lines that the client sent, of a head at the upstream."""
    ours = ("host", "x-forwarded", "x-request-id", "traceparent", "x-subject", "connection", "upgrade", "sec-websocket-key", "sec-websocket-version")
    lines = head.raw_head.decode().split("\r\n")[1:-2]
    return [line for line in lines if not line.lower().startswith(ours)]


@pytest.mark.parametrize("case", PLACES.values(), ids=PLACES.keys())
def test_a_credential_is_read_and_cut_out(shared, case):
    target, lines, target_up, lines_up = case
    secret = shared.tokens["reader"]
    reply = shared.postern.ask("GET", target.replace("SECRET", secret), *sent(lines, secret))
    assert reply.status == 200
    assert shared.upstream.last.target == target_up
    assert of_client(shared.upstream.last) == lines_up
    assert shared.upstream.last.get("x-subject-name") == "reader"
    assert secret.encode() not in shared.upstream.received
    assert secret not in shared.postern.access_file.read_text()


@pytest.mark.parametrize("case", PLACES.values(), ids=PLACES.keys())
def test_an_unusable_or_unneeded_one_is_cut_out_where_everybody_may_pass(shared, case):
    target, lines, target_up, lines_up = case
    for secret in (shared.tokens["nothing"], "pst_unknown"):
        shared.upstream.forget()
        reply = shared.postern.ask("GET", target.replace("/read", "/open").replace("SECRET", secret), *sent(lines, secret))
        assert reply.status == 200
        assert shared.upstream.last.target == target_up.replace("/read", "/open")
        assert of_client(shared.upstream.last) == lines_up
        assert secret.encode() not in shared.upstream.received


@pytest.mark.parametrize("case", PLACES.values(), ids=PLACES.keys())
def test_an_unusable_one_is_401(shared, case):
    target, lines, _, _ = case
    reply = shared.postern.ask("GET", target.replace("SECRET", "pst_unknown"), *sent(lines, "pst_unknown"))
    assert reply.status == 401
    assert "invalid_token" in reply.get("www-authenticate")
    assert not shared.upstream.requests


REFUSED = {
    "two places": ("/read?access_token=SECRET", ["X-API-Key: SECRET"]),
    "beside Authorization": ("/read", ["Authorization: Bearer SECRET", "Cookie: session=SECRET"]),
    "beside another scheme": ("/read", ["Authorization: Basic YTpi", "X-API-Key: SECRET"]),
    "beside Authorization where everybody may pass": ("/open", ["Authorization: Bearer SECRET", "X-API-Key: SECRET"]),
    "a general one beside the rule's own": ("/own", ["X-API-Key: SECRET", "Cookie: own=SECRET"]),
    "two headers": ("/read", ["X-API-Key: SECRET", "x-api-key: SECRET"]),
    "an empty header": ("/open", ["X-API-Key:"]),
    "a list in a header": ("/read", ["X-API-Key: SECRET, SECRET"]),
    "a header named by Connection": ("/read", ["X-API-Key: SECRET", "Connection: X-API-Key"]),
    "two cookies": ("/read", ["Cookie: session=SECRET; session=SECRET"]),
    "two cookies in two fields": ("/read", ["Cookie: session=SECRET", "Cookie: session=x"]),
    "a cookie without a value": ("/open", ["Cookie: session"]),
    "a quoted cookie": ("/read", ["Cookie: session=\"SECRET\""]),
    "two parameters": ("/read?access_token=SECRET&access_token=SECRET", []),
    "two spellings of a parameter": ("/read?access_token=SECRET&access%5Ftoken=x", []),
    "a parameter with a plus": ("/read?access_token=a+b", []),
    "a broken escape": ("/read?access_token=a%4", []),
    "a subprotocol without a handshake": ("/read", ["Sec-WebSocket-Protocol: postern.bearer.SECRET"]),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_what_could_be_read_in_two_ways_is_refused(shared, case):
    target, lines = case
    secret = shared.tokens["reader"]
    reply = shared.postern.ask("GET", target.replace("SECRET", secret), *sent(lines, secret))
    assert reply.status == 400
    assert b'"invalid_request"' in reply.body
    assert secret.encode() not in reply.raw
    assert not shared.upstream.received


def test_a_rule_has_a_list_of_its_own(shared):
    secret = shared.tokens["reader"]
    assert shared.postern.ask("GET", "/own", f"Cookie: own={secret}; session2=x").status == 200
    assert of_client(shared.upstream.last) == ["Cookie: session2=x"]
    assert secret.encode() not in shared.upstream.received
    for line in (f"Authorization: Bearer {secret}", f"X-API-Key: {secret}", f"Cookie: session={secret}"):
        reply = shared.postern.ask("GET", "/own", line)
        assert reply.status == 401
        assert b'"no_credential"' in reply.body
    # Elsewhere the cookie is the application's own.
    shared.upstream.forget()
    assert shared.postern.ask("GET", "/open", "Cookie: own=x").status == 200
    assert of_client(shared.upstream.last) == ["Cookie: own=x"]


@pytest.mark.parametrize(
    "said, told",
    [([], ["private"]), (["Cache-Control: public, max-age=60"], ["public, max-age=60", "private"]),
     (["Cache-Control: max-age=60, Private"], ["max-age=60, Private"]), (["Cache-Control: no-store"], ["no-store"])],
)
def test_an_answer_to_a_credential_in_the_query_is_private(shared, said, told):
    shared.upstream.answer = response(200, *said)
    secret = shared.tokens["reader"]
    assert shared.postern.ask("GET", f"/read?access_token={secret}").all("cache-control") == told
    assert shared.postern.ask("GET", "/read", f"X-API-Key: {secret}").all("cache-control") == [line.split(": ")[1] for line in said]


@pytest.mark.parametrize("selected", ["chat", None])
def test_a_browser_may_name_its_token_among_the_subprotocols(shared, selected):
    heads = []
    chosen = f"Sec-WebSocket-Protocol: {selected}\r\n".encode() if selected else b""

    def serve(connection):
        heads.append(connection.head(Request))
        connection.send(AGREED[:-2] + chosen + b"\r\n")

    shared.upstream.serve = serve
    secret = shared.tokens["reader"]
    with Client(shared.postern.port) as client:
        client.send(request("GET", "/read", *HANDSHAKE, f"Sec-WebSocket-Protocol: chat, postern.bearer.{secret}, x"))
        reply = client.head(Reply)
        assert reply.status == 101
        assert reply.get("sec-websocket-protocol") == selected
    assert of_client(heads[0]) == ["Sec-WebSocket-Protocol: chat, x"]
    assert secret.encode() not in shared.upstream.received


def test_a_reload_brings_sources(shared, guard, tokens):
    server = guard(policy=POLICY, config={"credentials": ["authorization"]})
    line = f"X-API-Key: {tokens['reader']}"
    assert server.ask("GET", "/read", line).status == 401
    before = len(server.log)
    server.write_config(credentials=SOURCES)
    server.wait_for_log(r"reloaded: 4 rules in force", before)
    assert server.ask("GET", "/read", line).status == 200


def test_a_credential_in_a_trailer_is_none_and_goes_nowhere(shared):
    secret = shared.tokens["reader"]
    body = chunked(b"x", trailers=f"X-Api-Key: {secret}\r\nX-Checksum: 1\r\n")
    with shared.postern.client() as client:
        client.send(request("POST", "/trailers", "Transfer-Encoding: chunked") + body)
        assert client.reply().status == 200
    assert shared.upstream.last.trailers == [("X-Checksum", "1")]


def test_a_rule_may_not_name_a_subject_header(guard):
    server = guard(policy=POLICY.replace("{cookie: own}", "{header: X-Subject-Key}"), begin=False)
    with pytest.raises(Exception, match=r"policy.yaml:5:\d+: credentials: \"x-subject-key\" lies among the subject headers"):
        server.start()


def test_a_header_spelt_differently_in_a_rule_is_one_source(guard, upstream):
    policy = "version: 1\nrules:\n  - {id: read, path: /read/**, permission: test.read, credentials: {header: x-api-KEY}}\n"
    server = guard(policy=policy, config={"credentials": [{"header": "X-API-Key"}]})
    secret = server.store.create_token("victim", "--role", "test.reader")
    assert server.ask("GET", "/read", f"X-Api-Key: {secret}").status == 200


REFERERS = {
    "as it was asked for": "http://api.test/page?access_token=SECRET",
    "among others": "http://api.test/page?a=1&access_token=SECRET&b=2",
    "in another spelling": "/page?access%5Ftoken=SECRET",
    "separated in another way": "/page?a=1;access_token=SECRET",
    "in a fragment": "/page#access_token=SECRET",
}


@pytest.mark.parametrize("referer", REFERERS.values(), ids=REFERERS.keys())
@pytest.mark.parametrize("target", ["/read", "/open/x", "/own"])
def test_a_referer_that_carries_the_query_s_credential_goes_no_further(shared, referer, target):
    """A page asked for with a credential in its query names itself in every request that it makes."""
    secret = shared.tokens["reader"]
    own = f"Cookie: own={secret}" if target == "/own" else f"X-API-Key: {secret}"
    assert shared.postern.ask("GET", target, own, "referer: " + referer.replace("SECRET", secret), "A: b").status == 200
    assert of_client(shared.upstream.last) == ["A: b"]
    assert secret.encode() not in shared.upstream.received


@pytest.mark.parametrize("referer", ["http://api.test/access_token=x", "/page?my_access_token=x&b=access_token", "/page?access_token2=x", ""])
def test_another_referer_passes(shared, referer):
    line = f"Referer: {referer}"
    assert shared.postern.ask("GET", "/read", line, f"X-API-Key: {shared.tokens['reader']}").status == 200
    assert of_client(shared.upstream.last) == [line]


def test_without_a_source_in_the_query_a_referer_is_not_looked_at(guard, upstream):
    assert guard().ask("GET", "/open", "Referer: /page?access_token=x").status == 200
    assert upstream.last.get("referer") == "/page?access_token=x"
