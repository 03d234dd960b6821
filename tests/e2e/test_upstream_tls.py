"""TLS towards the upstream: nobody is believed who cannot be verified, and everything works as without."""

import shutil
import ssl
import subprocess

import pytest

import server as serving
from server import CLIENTS, NODE, run, until
from test_upgrade import HANDSHAKE, echo
from tls import Authority, TlsClient
from upstream import Upstream
from wire import PATIENCE, Client, Ended, Reply, Request, Unexpected, request, response


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def pair(ca):
    return ca.issue("upstream", "localhost", "127.0.0.1", subject="/CN=upstream")


def resolved(postern):
    """Once the upstream's name is known."""
    until(lambda: postern.admin("/readyz").status == 200, "it is ready")
    return postern


@pytest.fixture
def behind(guard, ca):
    """A postern in front of an upstream over TLS: `behind(context, host=..., **tls keys)`."""
    upstreams = []

    def start(context, *, host="localhost", config=None, **tls):
        upstream = Upstream(tls=context)
        upstreams.append(upstream)
        keys = {"ca": str(ca.certificate), **tls}
        entry = {"url": f"https://{host}:{upstream.port}", "tls": {key: value for key, value in keys.items() if value}}
        if not entry["tls"]:
            del entry["tls"]
        return resolved(guard(upstream=None, config={"upstreams": {"default": entry}, **(config or {})})), upstream

    yield start
    for upstream in upstreams:
        upstream.close()
        assert not upstream.failures, upstream.failures


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_requests_go_over_one_kept_connection(behind, ca, pair, tokens, version, host):
    """Session tickets that come behind the handshake are no reason to drop an idle connection."""
    postern, upstream = behind(ca.server_context(pair, minimum_version=version, maximum_version=version), host=host,
                               config={"shards": 1})
    for i in range(10):
        assert postern.ask("GET", "/read", token=tokens["reader"]).status == 200
    assert len(upstream.connections) == 1
    assert upstream.connections[0].sock.version() == version.name.replace("_", ".")
    assert b"Bearer" not in upstream.received


def test_it_is_asked_for_by_name(behind, ca, pair):
    asked = []
    context = ca.server_context(pair)
    context.sni_callback = lambda sock, name, _: asked.append(name)
    postern, _ = behind(context)
    assert postern.ask().status == 200
    assert asked == ["localhost"]


def test_large_bodies_pass_both_ways(behind, ca, pair):
    big = bytes(range(256)) * 12000
    postern, upstream = behind(ca.server_context(pair))
    upstream.answer = lambda request, _: response(body=request.body)
    assert postern.ask("POST", "/open", body=big).body == big


def unbelievable(ca, tmp_path):
    stranger = Authority(tmp_path / "stranger", "stranger")
    return {
        "another authority": (stranger.server_context(stranger.issue("x", "localhost")), {}),
        "another name": (ca.server_context(ca.issue("other", "other.test")), {}),
        "a common name beside names": (ca.server_context(ca.issue("cn", "other.test", subject="/CN=localhost")), {}),
        "expired": (ca.server_context(ca.issue("expired", "localhost", days=-1)), {}),
        "the system's authorities": (ca.server_context(ca.issue("own", "localhost")), {"ca": None}),
        "another server_name": (ca.server_context(ca.issue("own", "localhost")), {"server_name": "api.internal"}),
    }


def test_an_upstream_that_cannot_be_verified_is_not_spoken_to(behind, ca, tmp_path):
    for what, (context, tls) in unbelievable(ca, tmp_path).items():
        postern, upstream = behind(context, **tls)
        for _ in range(3):
            reply = postern.ask("POST", "/open", body=b"secret")
            assert (reply.status, b'"upstream_unreachable"' in reply.body) == (502, True), what
        assert upstream.received == b"", what
        lines = postern.wait_for_log(r"error: upstream localhost \(127\.0\.0\.1:\d+\): TLS: .*certificate verify failed: .+")
        assert len(lines) <= 2, what  # one a shard, not one a request


def test_plain_text_is_never_fallen_back_to(behind, ca, pair, guard):
    postern, upstream = behind(None)

    def serve(connection):
        connection.send(response(400))

    upstream.serve = serve
    assert postern.ask().status == 502
    assert b"GET" not in upstream.received and b"HTTP" not in upstream.received
    upstream.begin_anew()


def test_server_name_takes_the_place_of_the_host(behind, ca):
    asked = []
    context = ca.server_context(ca.issue("internal", "api.internal"))
    context.sni_callback = lambda sock, name, _: asked.append(name)
    postern, _ = behind(context, server_name="api.internal")
    assert postern.ask().status == 200
    assert asked == ["api.internal"]


def test_our_own_certificate_is_shown(behind, ca, pair):
    mine = ca.issue("sidecar", subject="/CN=sidecar")
    seen = []

    def answer(request, connection):
        seen.append(dict(part[0] for part in connection.sock.getpeercert()["subject"])["commonName"])
        return response()

    context = ca.server_context(pair, clients=ca)
    postern, upstream = behind(context, certificate=str(mine.certificate), key=str(mine.key))
    upstream.answer = answer
    assert postern.ask().status == 200
    assert seen == ["sidecar"]
    without, _ = behind(context)
    assert without.ask().status == 502


def test_a_silent_upstream_is_504(behind):
    """It takes the connection and never shakes hands."""
    postern, upstream = behind(None, config={"timeouts": {"connect": "200ms", "drain": "5s"}})
    upstream._another = lambda connection: connection.sock.settimeout(None) or connection.sock.recv(1, 2) and False or True
    upstream.serve = lambda connection: until(lambda: connection._more() is False, "postern gives up")
    assert postern.ask().status == 504
    upstream.begin_anew()


def test_an_end_without_close_notify_is_not_the_end_of_an_answer(behind, ca, pair):
    for clean in (True, False):
        postern, upstream = behind(ca.server_context(pair))

        def serve(connection):
            connection.head(Request)
            connection.send(b"HTTP/1.1 200 OK\r\n\r\nhalf of it")
            if clean:
                connection.sock = connection.sock.unwrap()

        upstream.serve = serve
        with Client(postern.port) as client:
            client.send(request("GET", "/open"))
            if clean:
                assert client.reply().body == b"half of it"
            else:
                with pytest.raises((Ended, Unexpected)):
                    client.reply()


def test_an_idle_connection_that_the_upstream_ends_is_not_used(behind, ca, pair):
    postern, upstream = behind(ca.server_context(pair), config={"shards": 1})
    assert postern.ask().status == 200
    upstream.connections[0].close()
    until(lambda: "postern_upstream_connections_idle 0" in postern.metrics(), "it is dropped")
    assert postern.ask().status == 200
    assert "postern_upstream_retries_total 0" in postern.metrics()


def test_a_tunnel_goes_over_tls_on_both_sides(behind, ca, pair, tokens):
    postern, upstream = behind(ca.server_context(pair), config={"tls": pair.config})
    upstream.serve = echo
    with TlsClient(postern.port, ca.client_context(), "localhost") as client:
        client.send(request("GET", "/read", *HANDSHAKE, token=tokens["reader"]))
        assert client.head(Reply).status == 101
        for piece in (b"hello", bytes(range(256)) * 1000, b"x"):
            client.send(piece)
            assert client.exactly(len(piece)) == piece


@pytest.mark.parametrize("good", [True, False])
def test_a_health_check_verifies_like_a_request(guard, ca, pair, tmp_path, good):
    stranger = Authority(tmp_path / "stranger", "stranger")
    context = ca.server_context(pair) if good else stranger.server_context(stranger.issue("x", "localhost"))
    upstream = Upstream(tls=context)
    postern = guard(upstream=None, config={"upstreams": {"default": {
        "url": f"https://localhost:{upstream.port}", "tls": {"ca": str(ca.certificate)},
        "health": {"path": "/health", "interval": "20ms"},
    }}})
    if good:
        upstream.wait_for_requests(3)
        assert upstream.last.target == "/health"
        assert "fails its health check" not in postern.log
    else:
        postern.wait_for_log("fails its health check")
        assert upstream.received == b""
    postern.stop()
    upstream.close()


def test_files_of_no_use_are_start_errors_with_a_sentence(guard, ca, pair, tmp_path):
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    other = ca.issue("other", "x.test")
    rows = [
        ({"ca": str(empty)}, f"upstreams.default: tls: {empty}: holds no certificate in PEM form"),
        ({"ca": "/missing.pem"}, "upstreams.default: tls: /missing.pem: No such file or directory"),
        ({"certificate": str(pair.certificate), "key": str(other.key)}, "does not belong to the certificate"),
    ]
    for tls, sentence in rows:
        config = {"upstreams": {"default": {"url": "https://localhost:1", "tls": tls}}}
        done = run("run", *guard(upstream=None, config=config, begin=False).arguments, ok=1)
        assert sentence in done.stderr, done.stderr


def test_without_any_authority_it_does_not_start(guard, tmp_path, monkeypatch):
    monkeypatch.setattr(serving, "environment", lambda was=serving.environment: {
        **was(), "SSL_CERT_FILE": str(tmp_path / "none.pem"), "SSL_CERT_DIR": str(tmp_path)})
    done = run("run", *guard(upstream="https://localhost:1", begin=False).arguments, ok=1)
    assert "upstreams.default: tls: no authority is known to verify it by" in done.stderr


def test_new_authorities_are_in_force_without_a_restart(guard, ca, tmp_path):
    other = Authority(tmp_path / "other", "other")
    file = tmp_path / "ca.pem"
    shutil.copy(other.certificate, file)
    upstream = Upstream(tls=ca.server_context(ca.issue("served", "localhost")))
    postern = guard(upstream=None, config={"upstreams": {"default": {
        "url": f"https://localhost:{upstream.port}", "tls": {"ca": str(file)}}}})
    resolved(postern)
    assert postern.ask().status == 502
    file.write_text("")
    postern.wait_for_log("or the certificates, since a file is broken")
    shutil.copy(ca.certificate, file)
    until(lambda: postern.ask().status == 200, "the upstream is believed")
    postern.stop()
    upstream.close()


def test_ws(guard, ca, tokens, tmp_path):
    """Node's WebSocket server over TLS behind postern over TLS."""
    pair = ca.issue("node", "localhost")
    process = subprocess.Popen(["node", CLIENTS / "ws_server.cjs", pair.certificate, pair.key], stdout=subprocess.PIPE, text=True, env=NODE)
    try:
        port = int(process.stdout.readline())
        postern = guard(upstream=None, config={
            "tls": pair.config,
            "upstreams": {"default": {"url": f"https://localhost:{port}", "tls": {"ca": str(ca.certificate)}}}})
        resolved(postern)
        done = subprocess.run(["node", CLIENTS / "ws_client.cjs", f"wss://localhost:{postern.port}/read", tokens["reader"]], text=True,
                              capture_output=True, timeout=PATIENCE, env={**NODE, "NODE_EXTRA_CA_CERTS": str(ca.certificate)})
        assert done.stdout.strip() == "ok", done.stderr
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
