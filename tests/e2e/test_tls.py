"""TLS towards clients: certificates by name, versions, tickets, clean and cut ends, client certificates, reload."""

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from server import CLIENTS, NODE, run, until
from test_upgrade import HANDSHAKE, echo
from tls import Authority, TlsClient, names, openssl
from wire import PATIENCE, Client, Ended, Reply, Request, Unexpected, request, response


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def pair(ca):
    return ca.issue("server", "api.test", "localhost", "127.0.0.1", subject="/CN=api")


@pytest.fixture
def secure(guard, pair):
    """A postern that speaks TLS: `secure(client_ca=..., ...)`."""

    def start(*, config=None, begin=True, **tls):
        return guard(config={"tls": {**pair.config, **tls}, **(config or {})}, begin=begin)

    return start


def connect(postern, ca, **more):
    return TlsClient(postern.port, ca.client_context(), **more)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_requests_are_served_over_both_versions(secure, ca, upstream, tokens, version):
    postern = secure()
    context = ca.client_context(minimum_version=version, maximum_version=version)
    with TlsClient(postern.port, context) as client:
        assert client.sock.version() == version.name.replace("_", ".")
        assert client.sock.compression() is None
        for _ in range(3):
            assert client.ask("GET", "/read", token=tokens["reader"]).status == 200
        assert client.ask("GET", "/read").status == 401
    assert upstream.last.get("x-forwarded-proto") == "https"
    assert 'postern_tls_handshakes_total 1' in postern.metrics()


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_older_versions_are_refused(secure, version):
    postern = secure()
    done = subprocess.run(["openssl", "s_client", version, "-cipher", "DEFAULT@SECLEVEL=0", "-connect", f"127.0.0.1:{postern.port}"],
                          input="", capture_output=True, text=True, timeout=PATIENCE)
    assert "Cipher is (NONE)" in done.stdout
    until(lambda: "postern_tls_handshake_failures_total 1" in postern.metrics(), "the failure is counted")


def test_no_weak_cipher_is_taken(secure, ca):
    postern = secure()
    context = ca.client_context(maximum_version=ssl.TLSVersion.TLSv1_2)
    context.set_ciphers("AES128-SHA:AES256-SHA256:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        TlsClient(postern.port, context)


def test_a_client_may_not_renegotiate(secure):
    postern = secure()
    process = subprocess.Popen(["openssl", "s_client", "-tls1_2", "-connect", f"127.0.0.1:{postern.port}"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    output, _ = process.communicate("R\n", timeout=PATIENCE)
    assert "RENEGOTIATING" in output
    assert "no renegotiation" in output


def test_alpn_is_http_1_1_and_nothing_else(secure, ca):
    postern = secure()
    context = ca.client_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with TlsClient(postern.port, context) as client:
        assert client.sock.selected_alpn_protocol() == "http/1.1"
    context = ca.client_context()
    context.set_alpn_protocols(["h2"])
    with pytest.raises((ssl.SSLError, ConnectionError)):
        TlsClient(postern.port, context)


def test_plain_http_on_a_tls_port_is_no_request(secure, upstream):
    postern = secure()
    with Client(postern.port) as client:
        client.send(request("GET", "/open"))
        assert b"HTTP/" not in client.rest()
    assert upstream.received == b""


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_are_resumed_on_every_shard(secure, ca, version):
    postern = secure(config={"shards": 2})
    context = ca.client_context(minimum_version=version, maximum_version=version)
    with TlsClient(postern.port, context) as first:
        assert first.ask().status == 200
        session = first.sock.session
    for _ in range(16):
        with TlsClient(postern.port, context, session=session) as client:
            assert client.sock.session_reused
            assert client.ask().status == 200
    assert 'postern_tls_resumptions_total 16' in postern.metrics()


def test_the_certificate_is_chosen_by_name(guard, ca):
    first = ca.issue("first", "first.test", subject="/CN=first")
    other = ca.issue("other", "other.test", "*.wild.test", subject="/CN=other", rsa=True)
    third = ca.issue("third", "exact.wild.test", subject="/CN=third")
    both = third.certificate.parent / "third.pem"
    both.write_text(third.certificate.read_text() + third.key.read_text())
    postern = guard(config={"tls": {**first.config, "certificates": [other.config, str(both)]}})
    context = ca.client_context(check_hostname=False)
    wanted = ["first.test", "other.test", "OTHER.test", "a.wild.test", "exact.wild.test", "a.b.wild.test", "wild.test", "unknown.test"]
    assert names(context, postern.port, wanted) == ["first", "other", "other", "other", "third", "first", "first", "first"]
    with TlsClient(postern.port, context, None) as client:
        assert client.subject() == "first"


# --- bodies and ends ---


BIG = bytes(range(256)) * 12000


def test_large_bodies_pass_both_ways(secure, ca, upstream, tokens):
    upstream.answer = lambda request, _: response(body=request.body)
    postern = secure()
    with connect(postern, ca) as client:
        client.send(request("POST", "/open", body=BIG))  # answered when it has been read
        reply = client.reply()
        assert reply.status == 200 and reply.body == BIG
        assert client.ask().status == 200


def test_a_slow_reader_gets_every_byte(secure, ca, upstream):
    """Its socket's buffer is full again and again: a record that found no room is sent later, once."""
    upstream.answer = response(body=BIG)
    postern = secure()
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(PATIENCE)
    sock.connect(("127.0.0.1", postern.port))
    with TlsClient(postern.port, ca.client_context(), sock=sock) as client:
        client.send(request("GET", "/open"))
        assert client.reply().body == BIG


@pytest.mark.parametrize("size", [1, 5, 100, 16384])
def test_records_of_any_size_are_read(secure, ca, upstream, size):
    postern = secure()
    with connect(postern, ca) as client:
        client.send(request("POST", "/open", body=b"x" * 3000), cut=size)
        assert client.reply().status == 200
        client.send(request("GET", "/open") * 3, cut=size)
        for _ in range(3):
            assert client.reply().status == 200
    assert upstream.requests[0].body == b"x" * 3000


def test_many_requests_in_one_record_are_all_answered(secure, ca):
    """What OpenSSL has read ahead brings no event of its own."""
    postern = secure()
    with connect(postern, ca) as client:
        client.send(request("GET", "/open") * 100)
        for _ in range(100):
            assert client.reply().status == 200


def test_a_complete_answer_ends_with_close_notify(secure, ca):
    postern = secure()
    for field in ("Connection: close", "X: y"):
        with connect(postern, ca) as client:
            assert client.ask("GET", "/open", field).status == 200
            if field == "X: y":
                client.send(b"bad request\r\n\r\n")
                assert client.reply().status == 400
            client.rest()
            assert not client.cut


def test_an_answer_that_breaks_off_is_never_ended_cleanly(secure, ca, upstream):
    def serve(connection):
        connection.head(Request)
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")

    upstream.serve = serve
    postern = secure()
    with connect(postern, ca) as client:
        client.send(request("GET", "/open"))
        with pytest.raises(Ended):
            client.reply()
        try:
            client.rest()
        except OSError:
            client.cut = True
        assert client.cut or isinstance(client.sock, ssl.SSLSocket) and client.ended
        assert b"0\r\n\r\n" not in client.received[-8:]


def test_an_answer_until_close_needs_no_trust_in_a_cut(secure, ca, upstream):
    """To an HTTP/1.0 client the end of the connection is the end of the answer: then it is said by close_notify."""
    upstream.answer = response(body=None)[:-2] + b"Connection: close\r\n\r\nall of it"

    def serve(connection):
        connection.head(Request)
        connection.send(upstream.answer)

    upstream.serve = serve
    postern = secure()
    with connect(postern, ca) as client:
        client.send(b"GET /open HTTP/1.0\r\nHost: api.test\r\n\r\n")
        assert client.reply().body == b"all of it"
        assert not client.cut


def test_a_request_that_is_cut_off_is_not_taken_for_a_whole_one(secure, ca, upstream):
    """A FIN without close_notify may be anybody's."""
    postern = secure()
    with connect(postern, ca) as client:
        client.send(b"POST /open HTTP/1.1\r\nHost: api.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        raw = client.sock.detach() if hasattr(client.sock, "detach") else -1
        os.close(raw)
    until(lambda: any(connection.ended for connection in upstream.connections), "the upstream learns")
    assert b"0\r\n\r\n" not in upstream.received


def test_a_silent_client_is_cut_in_the_handshake(secure):
    postern = secure(config={"timeouts": {"head": "200ms", "drain": "5s"}})
    with Client(postern.port) as client:
        assert client.is_closed()
    with Client(postern.port) as client:
        client.send(b"\x16\x03\x01\x02\x00\x01")
        assert client.is_closed()
    until(lambda: "postern_tls_handshake_failures_total 2" in postern.metrics(), "both are counted")


def test_a_drain_ends_handshakes_that_wait(secure):
    postern = secure()
    with Client(postern.port) as client:
        until(lambda: "postern_client_connections 1" in postern.metrics(), "it is connected")
        postern.signal(signal.SIGTERM)
        assert client.is_closed()
    assert postern.wait() == 0


# --- client certificates ---


def test_a_verified_client_is_told_to_the_upstream_and_the_log(secure, ca, upstream):
    mine = ca.issue("alice", subject="/O=Example Ltd, really/CN=Ålice%41")
    postern = secure(client_ca=str(ca.certificate))
    with TlsClient(postern.port, ca.client_context(mine)) as client:
        assert client.ask("GET", "/open", "X-Subject-Certificate: CN=root", "x_subject.certificate: CN=root").status == 200
        session = client.sock.session
    assert upstream.last.get("x-subject-certificate") == r"CN=\C3\85lice%2541,O=Example%20Ltd\,%20really"
    assert b"CN=root" not in upstream.received
    assert postern.access_log(1)[0]["client_certificate"] == r"CN=\C3\85lice%41,O=Example Ltd\, really"
    # A session that is taken up again is still hers.
    context = ca.client_context(mine)
    with TlsClient(postern.port, context) as client:
        assert client.ask().status == 200
        session = client.sock.session
    with TlsClient(postern.port, context, session=session) as client:
        assert client.sock.session_reused
        assert client.ask().status == 200
    assert "lice" in upstream.last.get("x-subject-certificate")


def refused_without_an_answer(postern, context):
    try:
        with TlsClient(postern.port, context) as client:
            client.send(request("GET", "/open"))
            client.reply()
    except (ssl.SSLError, ConnectionError, Unexpected):
        return True
    return False


def test_a_client_without_a_good_certificate_is_not_served(secure, ca, upstream, tmp_path):
    postern = secure(client_ca=str(ca.certificate))
    stranger = Authority(tmp_path / "stranger", "stranger").issue("mallory", subject="/CN=alice")
    expired = ca.issue("expired", subject="/CN=expired", days=-1)
    endless = ca.issue("endless", subject="/CN=x" + "".join(f"/OU={'y' * 60}" for _ in range(10)))
    for shown in (None, stranger, expired, endless):
        assert refused_without_an_answer(postern, ca.client_context(shown))
    assert upstream.received == b""


def test_an_optional_certificate_may_be_missing_but_not_wrong(secure, ca, upstream, tmp_path):
    postern = secure(client_ca=str(ca.certificate), client_certificate="optional")
    with connect(postern, ca) as client:
        assert client.ask("GET", "/open", "X-Subject-Certificate: CN=root").status == 200
    assert upstream.last.get("x-subject-certificate") is None
    stranger = Authority(tmp_path / "stranger", "stranger").issue("mallory", subject="/CN=alice")
    assert refused_without_an_answer(postern, ca.client_context(stranger))


def test_a_rule_may_demand_a_certificate(secure, ca, upstream, tokens, guard, pair):
    policy = """\
version: 1
rules:
  - {id: open, path: /open/**, allow: anonymous}
  - {id: any, path: /any, client_certificate: true}
  - {id: billing, path: /billing, all_of: [{client_certificate: "CN=billing,O=Example"}, {permission: test.read}]}
"""
    tls = {**pair.config, "client_ca": str(ca.certificate), "client_certificate": "optional"}
    postern = guard(policy=policy, config={"tls": tls})
    billing = ca.issue("billing", subject="/O=Example/CN=billing")
    almost = ca.issue("almost", subject="/O=Example/CN=billing2")
    expected = [(billing, "/any", 200), (billing, "/billing", 200), (almost, "/any", 200), (almost, "/billing", 403),
                (None, "/any", 403), (None, "/billing", 403)]
    for shown, target, status in expected:
        with TlsClient(postern.port, ca.client_context(shown)) as client:
            assert client.ask("GET", target, token=tokens["reader"]).status == status
            assert client.ask("GET", target).status == 401  # a certificate is no token
    assert postern.access_log(12)[0]["client_certificate"] == "CN=billing,O=Example"


@pytest.mark.parametrize("demand", ["optional", "required"])
def test_a_certificate_that_expires_on_an_open_connection_is_none(guard, ca, pair, tokens, upstream, demand):
    policy = "version: 1\nrules:\n  - {path: /open, allow: anonymous}\n  - {path: /any, client_certificate: true}\n"
    tls = {**pair.config, "client_ca": str(ca.certificate), "client_certificate": demand}
    postern = guard(policy=policy, config={"tls": tls})
    ends = int(time.time()) + 4
    soon = ca.issue("soon-" + demand, subject="/CN=soon", until=time.strftime("%Y%m%d%H%M%SZ", time.gmtime(ends)))
    with TlsClient(postern.port, ca.client_context(soon)) as client:
        assert client.ask("GET", "/any", token=tokens["reader"]).status == 200
        assert upstream.last.get("x-subject-certificate") == "CN=soon"
        until(lambda: time.time() > ends + 0.5, "it has expired, by the coarse clock too")
        if demand == "required":
            client.send(request("GET", "/open"))
            assert client.is_closed()
            return
        assert client.ask("GET", "/any", token=tokens["reader"]).status == 403
        assert client.ask("GET", "/open").status == 200
    assert upstream.last.get("x-subject-certificate") is None


# --- start and reload ---


def mistakes(ca, tmp_path):
    other = ca.issue("someone-else", "x.test")
    empty, junk, locked = tmp_path / "empty.pem", tmp_path / "junk.pem", tmp_path / "locked.key"
    empty.write_text("")
    junk.write_text("-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n")
    openssl("ec", "-in", other.key, "-aes128", "-passout", "pass:secret", "-out", locked)
    missing = str(tmp_path / "missing.pem")
    return [
        ({"certificate": missing}, f"tls: {missing}: No such file or directory"),
        ({"key": missing}, f"tls: {missing}: No such file or directory"),
        ({"certificate": str(empty)}, f"tls: {empty}: holds no certificate in PEM form"),
        ({"certificate": str(junk)}, f"tls: {junk}: holds a certificate that cannot be read"),
        ({"key": str(empty)}, f"tls: {empty}: holds no private key in PEM form"),
        ({"key": str(locked)}, f"tls: {locked}: the private key is behind a passphrase"),
        ({"key": str(other.key)}, f"tls: {other.key}: the private key does not belong to the certificate in "),
        ({"client_ca": missing}, f"tls.client_ca: {missing}: No such file or directory"),
        ({"client_ca": str(empty)}, f"tls.client_ca: {empty}: holds no certificate in PEM form"),
        ({"certificates": [{"certificate": missing}]}, f"tls: {missing}: No such file or directory"),
        ({"client_certificate": "required"}, "without tls.client_ca nobody vouches for a client"),
    ]


def test_files_of_no_use_are_start_errors_with_a_sentence(secure, ca, tmp_path):
    for tls, sentence in mistakes(ca, tmp_path):
        server = secure(begin=False, **tls)
        done = run("run", *server.arguments, ok=1)
        assert sentence in done.stderr, done.stderr
        assert done.stderr.strip().count("postern: error") <= 1


def test_an_expired_certificate_is_a_warning(guard, ca):
    old = ca.issue("old", "api.test", days=-1)
    postern = guard(config={"tls": old.config})
    assert re.search(r"warning: tls: the certificate in .*old\.crt expired on Feb  1 00:00:00 2020 GMT", postern.log)
    assert "expired on" in json.loads(postern.admin("/readyz").body)["warnings"][0]
    assert "postern_tls_certificate_expiry_timestamp_seconds 1580515200" in postern.metrics()


@pytest.mark.parametrize("how", ["change", "SIGHUP"])
def test_new_certificates_are_for_new_connections(guard, ca, tmp_path, how):
    files = [tmp_path / "tls.crt", tmp_path / "tls.key"]

    def install(pair):
        for source, target in zip((pair.certificate, pair.key), files):
            new = tmp_path / "new"
            new.write_bytes(source.read_bytes())
            new.rename(target)

    install(ca.issue("old", "api.test", subject="/CN=old"))
    postern = guard(config={"tls": {"certificate": str(files[0]), "key": str(files[1])}})
    context = ca.client_context()
    with TlsClient(postern.port, context) as client:
        assert client.subject() == "old"
        install(ca.issue("new", "api.test", subject="/CN=new"))
        if how == "SIGHUP":
            postern.signal(signal.SIGHUP)
        postern.wait_for_log("certificates read again")
        until(lambda: names(context, postern.port, ["api.test"]) == ["new"], "the new certificate")
        assert client.ask().status == 200
    assert "postern_tls_reload_failures_total 0" in postern.metrics()


def test_a_broken_new_pair_keeps_the_old_one(guard, ca, tmp_path):
    old = ca.issue("kept", "api.test", subject="/CN=kept")
    key = tmp_path / "tls.key"
    key.write_bytes(old.key.read_bytes())
    postern = guard(config={"tls": {"certificate": str(old.certificate), "key": str(key)}})
    key.write_bytes(ca.issue("foreign", "api.test").key.read_bytes())
    postern.wait_for_log("new certificates refused, the last good ones stay in force: tls: .*does not belong to the certificate")
    assert names(ca.client_context(), postern.port, ["api.test"]) == ["kept"]
    assert "new certificates refused" in json.loads(postern.admin("/readyz").body)["warnings"][0]
    assert "postern_tls_reload_failures_total 1" in postern.metrics()
    key.write_bytes(old.key.read_bytes())
    postern.wait_for_log("certificates read again")
    assert "warnings" not in json.loads(postern.admin("/readyz").body)


# --- real clients ---


def test_curl(secure, ca, upstream):
    upstream.answer = lambda request, _: response(body=request.body)
    postern = secure()
    done = subprocess.run(["curl", "-sS", "--cacert", str(ca.certificate), "--data-binary", "@-", "-w", "%{http_code} %{http_version}",
                           f"https://localhost:{postern.port}/open/x"], input=BIG, capture_output=True, timeout=PATIENCE)
    assert done.stdout == BIG + b"200 1.1", done.stderr


def test_tunnels_work_over_tls_and_end_cleanly(secure, ca, upstream, tokens):
    upstream.serve = echo
    postern = secure()
    with connect(postern, ca) as client:
        client.send(request("GET", "/read", *HANDSHAKE, token=tokens["reader"]))
        assert client.head(Reply).status == 101
        for piece in (b"hello", bytes(range(256)) * 1000, b"x"):
            client.send(piece)
            assert client.exactly(len(piece)) == piece
        # Half-closed both ways: our close_notify reaches the upstream as its FIN, its FIN us as close_notify.
        client.sock = client.sock.unwrap()
        assert client.rest() == b""


def test_ws(guard, pair, ca, tokens, echo_server):
    postern = guard(upstream=f"http://127.0.0.1:{echo_server.port}", config={"tls": pair.config})
    done = subprocess.run(["node", CLIENTS / "ws_client.cjs", f"wss://localhost:{postern.port}/read", tokens["reader"]], text=True,
                          capture_output=True, timeout=PATIENCE, env={**NODE, "NODE_EXTRA_CA_CERTS": str(ca.certificate)})
    assert done.stdout.strip() == "ok", done.stderr


def test_events_arrive_one_by_one(secure, ca, upstream):
    go_on = threading.Event()

    def serve(connection):
        connection.head(Request)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        go_on.wait(PATIENCE)
        connection.send(b"data: 2\n\n")

    upstream.serve = serve
    postern = secure()
    with connect(postern, ca) as client:
        client.send(request("GET", "/open"))
        client.head(Reply)
        assert client.line() == b"9\r\n"
        assert client.exactly(11) == b"data: 1\n\n\r\n"
        go_on.set()
        assert client.chunks()[0] == b"data: 2\n\n"


def test_openssl_s_own_configuration_changes_nothing(guard, ca, tmp_path, monkeypatch):
    """It could forbid what we allow, or allow what we do not, and load foreign code."""
    configuration = tmp_path / "openssl.cnf"
    configuration.write_text("openssl_conf = all\n[all]\nssl_conf = tls\n[tls]\nsystem_default = only\n[only]\nMinProtocol = TLSv1.3\nMaxProtocol = TLSv1.3\n")
    monkeypatch.setenv("OPENSSL_CONF", str(configuration))
    pair = ca.issue("unconfigured", "localhost")
    server = guard(config={"tls": {"certificate": str(pair.certificate), "key": str(pair.key)}})
    monkeypatch.delenv("OPENSSL_CONF")
    context = ssl.create_default_context(cafile=str(ca.certificate))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as plain, context.wrap_socket(plain, server_hostname="localhost") as secured:
        assert secured.version() == "TLSv1.2"
