"""Target and host: one canonical form, matched and forwarded. Never match A and forward B."""

import pytest

from wire import Client, request

AMBIGUOUS = [
    "/open/../closed", "/open/..", "/open/.", "/./open", "/open/./a", "/open/%2e%2e/closed", "/open/%2E%2e/closed", "/open/.%2e/closed",
    "/open/%2e/a", "/open/..%2fclosed", "/open/a%2fb", "/open/a%2Fb", "/open/a%5cb", "/open/%5C..%5Cclosed", "/open/a%00b", "/open/a%0ab",
    "/open/a%0D%0Ab", "/open/a%1fb", "/open/a%7fb", "//open", "/open//a", "//closed/../open", "/open/a;b", "/open/..;/closed",
    "/open/.;/a", "/open/a%3bb", "/open/a;jsessionid=1", "/open/a%252fb", "/open/a%252e%252e/b", "/open/%25%32%66", "/open/%c0%af",
    "/open/%c0%ae%c0%ae/closed", "/open/%ff", "/open/%ed%a0%80", "/open/%e0%80%af", "/open/%f4%90%80%80", "/open/a.", "/open/a%20",
    "/open/a./b", "/open/a%20/b", "/open/a%2e", "/open/%", "/open/%2", "/open/%zz", "/open/%u0041", "/open/a%2", "/open/..%00/",
    "/open/a%23b#c", "/open/%2e%2e%2fclosed", "/%2e%2e/open", "/open/%252e",
]  # fmt: skip


@pytest.mark.parametrize("target", AMBIGUOUS)
def test_an_ambiguous_target_is_refused(shared, target):
    reply = shared.postern.ask(target=target, token=shared.tokens["writer"])
    assert reply.status == 400, reply.raw
    assert shared.upstream.received == b""


@pytest.mark.parametrize("target", AMBIGUOUS[:12])
def test_an_ambiguous_target_in_absolute_form_is_refused(shared, target):
    assert shared.postern.ask(target="http://api.test" + target).status == 400
    assert shared.upstream.received == b""


CANONICAL = {
    "/open/%41%62": "/open/Ab",
    "/open/%7euser": "/open/~user",
    "/open/a%2db": "/open/a-b",
    "/open/%c3%a9": "/open/%C3%A9",
    "/open/a%20b": "/open/a%20b",
    "/open/a%3fb": "/open/a%3Fb",
    "/open/%e2%82%ac?x=%zz": "/open/%E2%82%AC?x=%zz",
    "/%6fpen": "/open",
    "/open/a..b": "/open/a..b",
    "/open/...a": "/open/...a",
    "/open/.hidden": "/open/.hidden",
    "/open/": "/open/",
    "/open?a=../../b": "/open?a=../../b",
    "/open?a=//b;c%2f": "/open?a=//b;c%2f",
    "/open/a%25b": "/open/a%25b",
    "http://api.test/open/%41?q": "/open/A?q",
}


@pytest.mark.parametrize("sent, forwarded", CANONICAL.items())
def test_what_is_matched_is_what_is_forwarded(shared, sent, forwarded):
    assert shared.postern.ask(target=sent).status == 200
    assert shared.upstream.last.target == forwarded


@pytest.mark.parametrize(
    "target, status",
    [
        ("/%63losed/x", 403), ("/closed%2fx", 400), ("/Closed/x", 401), ("/closed/x?/open", 403), ("/re%61d", 401),
        ("/read/?open", 401), ("/openx", 401), ("/open%2fx", 400), ("/", 401), ("/?/open", 401),
    ],
)  # fmt: skip
def test_no_spelling_leads_round_a_rule(shared, target, status):
    assert shared.postern.ask(target=target).status == status
    assert shared.upstream.received == b""


def test_a_path_of_too_many_segments_is_refused(shared):
    assert shared.postern.ask(target="/open" + "/a" * 63).status == 200
    shared.upstream.forget()
    assert shared.postern.ask(target="/open" + "/a" * 64).status == 400
    assert shared.upstream.received == b""


HOSTS = """\
version: 1
rules:
  - {id: admin, path: /**, host: admin.test, authenticated: true}
  - {id: sub, path: /**, host: "*.shop.test", allow: anonymous}
  - {id: rest, path: /open/**, allow: anonymous}
"""


def test_the_host_is_matched_in_canonical_form(guard, upstream):
    postern = guard(policy=HOSTS)

    def status(host, target="/open"):
        return postern.ask(target=target, host=host).status

    assert [status(host) for host in ("admin.test", "ADMIN.test", "admin.test.", "admin.test:8080", "Admin.Test.:80")] == [401] * 5
    assert status("a.shop.test", "/x") == 200
    assert status("A.SHOP.TEST:1", "/x") == 200
    assert status("shop.test", "/x") == 401
    assert status("a.shop.test.evil", "/x") == 401
    assert status("other.test") == 200
    for head in upstream.requests:
        assert head.get("host").lower().split(":")[0].rstrip(".") not in ("admin.test",)


def test_the_authority_of_absolute_form_must_be_the_host(guard, upstream):
    postern = guard(policy=HOSTS)
    assert postern.ask(target="http://other.test/open", host="admin.test").status == 400
    assert postern.ask(target="http://admin.test/open", host="other.test").status == 400
    assert upstream.received == b""
    assert postern.ask(target="http://Other.test/open", host="other.test").status == 200


def test_without_a_host_nothing_is_served_where_hosts_matter(guard, upstream):
    postern = guard(policy=HOSTS)
    with Client(postern.port) as client:
        client.send(b"GET /open HTTP/1.0\r\n\r\n")
        assert client.reply().status == 400
    assert upstream.received == b""


def test_get_covers_head_and_no_other_method(guard, upstream):
    postern = guard(policy="version: 1\nrules:\n  - {path: /a, methods: [GET], allow: anonymous}\n")
    with postern.client() as client:
        client.send(request("HEAD", "/a"))
        assert client.reply("HEAD").status == 200
        for method in ("POST", "get", "Get", "OPTIONS", "GETT", "DELETE"):
            client.send(request(method, "/a"))
            assert client.reply().status == 401, method
    assert [head.method for head in upstream.requests] == ["HEAD"]


def test_a_method_override_is_no_method(shared):
    reply = shared.postern.ask("GET", "/open", "X-HTTP-Method-Override: DELETE", "X-HTTP-Method: DELETE", "X-Method-Override: DELETE")
    assert reply.status == 200
    assert b"DELETE" not in shared.upstream.received


# --- escaped slashes that a rule keeps ---

KEEPING = """\
version: 1
rules:
  - {id: project, path: "/projects/{id}/**", encoded_slash: keep, allow: anonymous}
  - {id: granted, path: "/granted/{project}", encoded_slash: keep, permission: project.read, resource: "project/{project}"}
  - {id: file, path: "/files/{name}", encoded_slash: keep, allow: anonymous}
  - {id: secret, path: "/files/{name}/secret", deny: true}
  - {id: strict, path: "/strict/**", allow: anonymous}
"""


@pytest.fixture
def keeping(guard):
    return guard(policy=KEEPING)


@pytest.mark.parametrize(
    "target, forwarded",
    [
        ("/projects/group%2fproject/issues?x=%2f", "/projects/group%2Fproject/issues?x=%2f"),
        ("/projects/%67roup%2Fproject", "/projects/group%2Fproject"),
        ("/files/a%2Fb", "/files/a%2Fb"),
        ("/files/plain", "/files/plain"),
    ],
)
def test_what_was_decided_on_is_what_the_upstream_gets(keeping, upstream, target, forwarded):
    assert keeping.ask("GET", target).status == 200
    assert [request.target for request in upstream.requests] == [forwarded]


@pytest.mark.parametrize(
    "target",
    [
        "/strict/a%2Fb", "/nowhere/a%2Fb", "/files/a%2Fsecret", "/files/a%2f%73ecret", "/projects/a%2F..%2F..%2Fstrict", "/projects/..%2fstrict/x",
        "/projects/a%2F%2Fb", "/projects/a%2F", "/projects/%2Fa", "/projects/a%5Cb", "/projects/a%252Fb", "/projects/a%2F.%2Fb", "/strict%2Fa", "/%2Fstrict",
    ],
)  # fmt: skip
def test_an_escaped_slash_reaches_no_rule_that_does_not_keep_it(keeping, upstream, target):
    reply = keeping.ask("GET", target)
    assert reply.status == 400, reply.raw
    assert upstream.received == b""


def test_a_grant_names_a_slash_within_a_parameter_escaped(keeping, tokens):
    """Decoded, the project `42/x` could be taken for something within the project 42."""
    assert keeping.ask("GET", "/granted/42", token=tokens["project"]).status == 200
    assert keeping.ask("GET", "/granted/42%2Fx", token=tokens["project"]).status == 403
    secret = keeping.store.create_token("nested", "--grant", "project.read=project/42%2Fx")
    assert keeping.ask("GET", "/granted/42%2fx", token=secret).status == 200
    assert keeping.ask("GET", "/granted/42", token=secret).status == 403


def test_another_proxy_that_asks_is_never_told_to_let_an_escaped_slash_pass(guard):
    """It sends on what it was sent, and may have read the path in its own way."""
    postern = guard(policy=KEEPING, config={"listen": [{"address": "127.0.0.1:0", "decide": "x-original"}], "trusted_proxies": ["127.0.0.1/32"]})
    asked = ["X-Original-Method: GET", "X-Original-URI: /files/a%2Fb"]
    assert postern.ask("GET", "/", *asked).status == 403
    assert postern.ask("GET", "/", asked[0], "X-Original-URI: /files/a").status == 200
