"""Several listeners of every kind at once, each with what is spoken on it."""

import os
import re
import socket
import stat

import pytest

from server import run
from test_proxy_protocol import V1
from tls import Authority, TlsClient
from wire import PATIENCE, Client, request


def connected(target):
    """A raw socket to `127.0.0.1:1`, `[::1]:1` or the path of a Unix socket."""
    if target.startswith("/"):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(PATIENCE)
        sock.connect(target)
        return sock
    host, _, port = target.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE)


class Raw(Client):
    """`Client` on a socket that is connected already."""

    def __init__(self, sock):
        super(Client, self).__init__(sock)


def addresses(postern):
    """Where it says that it listens: scheme and target, in the order of the configuration."""
    found = re.findall(r"listening on (https?://|unix:)(\S+)", postern.log)
    return [(scheme.rstrip(":/"), target) for scheme, target in found]


def test_every_kind_serves_with_its_own_tls_and_proxy_protocol(guard, tmp_path, upstream):
    ca = Authority(tmp_path / "pki")
    plain, secure, proxied = (str(tmp_path / name) for name in ("plain.sock", "secure.sock", "proxied.sock"))
    postern = guard(config={
        "tls": ca.issue("server", "api.test").config,
        "trusted_proxies": ["127.0.0.1/32", "::1/128"],
        "listen": [
            {"address": "127.0.0.1:0", "tls": False},
            "127.0.0.1:0",
            "[::1]:0",
            {"address": "[::1]:0", "tls": False, "proxy_protocol": True},
            {"address": "127.0.0.1:0", "proxy_protocol": True},
            {"address": f"unix:{plain}", "tls": False},
            {"address": f"unix:{secure}"},
            {"address": f"unix:{proxied}", "proxy_protocol": True},
        ],
    })
    postern.wait_for_log("admin on")
    listening = addresses(postern)
    assert [scheme for scheme, _ in listening] == ["http", "https", "https", "http", "https", "unix", "unix", "unix"]
    expected = [
        (False, False, "127.0.0.1"), (True, False, "127.0.0.1"), (True, False, "::1"), (False, True, "203.0.113.7"),
        (True, True, "203.0.113.7"), (False, False, None), (True, False, None), (True, True, "203.0.113.7"),
    ]
    for (_, target), (tls, announced, address) in zip(listening, expected):
        sock = connected(target)
        if announced:
            sock.sendall(V1)
        with TlsClient(0, ca.client_context(), sock=sock) if tls else Raw(sock) as client:
            assert client.ask().status == 200, target
        assert upstream.last.get("x-forwarded-for") == address, target
        assert upstream.last.get("x-forwarded-proto") == ("https" if tls else "http"), target


def test_a_stale_socket_file_is_replaced_and_removed_at_the_end(guard, tmp_path):
    path = tmp_path / "postern.sock"
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(path))
    stale.close()
    assert stat.S_ISSOCK(path.stat().st_mode)
    postern = guard(config={"listen": ["127.0.0.1:0", f"unix:{path}"]})
    postern.wait_for_log("listening on unix:")
    with Raw(connected(str(path))) as client:
        assert client.ask().status == 200
    assert postern.stop() == 0
    assert not path.exists()


def test_an_address_in_use_is_a_start_error_and_stays_in_use(guard, tmp_path):
    path = str(tmp_path / "postern.sock")
    first = guard(config={"listen": ["127.0.0.1:0", f"unix:{path}"]})
    first.wait_for_log("listening on unix:")
    for address in (f"unix:{path}", f"127.0.0.1:{first.port}"):
        second = guard(config={"listen": address}, begin=False)
        done = run("run", *second.arguments, ok=1)
        assert f"cannot listen on {address}: Address already in use" in done.stderr
    with Raw(connected(path)) as client:
        assert client.ask().status == 200


def test_a_file_that_is_no_socket_is_left_alone(guard, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    done = run("run", *guard(config={"listen": f"unix:{path}"}, begin=False).arguments, ok=1)
    assert "Address already in use" in done.stderr
    assert path.read_text() == "mine"


@pytest.mark.skipif(not os.path.exists("/proc/net/if_inet6"), reason="no IPv6 here")
def test_one_address_for_both_families(guard, upstream):
    postern = guard(config={"listen": ["127.0.0.1:0", "[::]:0"]})
    postern.wait_for_log("admin on")
    port = re.search(r"listening on http://\[::\]:(\d+)", postern.log)[1]
    for target, address in ((f"127.0.0.1:{port}", "127.0.0.1"), (f"[::1]:{port}", "::1")):
        with Raw(connected(target)) as client:
            client.send(request("GET", "/open"))
            assert client.reply().status == 200
        assert upstream.last.get("x-forwarded-for") == address
