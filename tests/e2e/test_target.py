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
