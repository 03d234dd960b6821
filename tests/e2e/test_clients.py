"""Real clients, each with its own HTTP stack, and no errors."""

import concurrent.futures
import http.client
import json
import re
import subprocess
import threading

import httpx
import pytest

from server import CLIENTS, NODE
from wire import PATIENCE, SANITIZED, response

SECONDS = 2


@pytest.fixture
def echoing(shared):
    """An upstream that says which method came with how many bytes."""
    shared.upstream.answer = lambda head, _: response(
        body=b"" if head.method == "HEAD" else f"{head.method} {len(head.body)}".encode()
    )
    return shared


def url(shared):
    return f"http://127.0.0.1:{shared.postern.port}"


def command(*words, **more):
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=4 * PATIENCE, env=NODE, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def bearer(shared, name="reader"):
    return f"Authorization: Bearer {shared.tokens[name]}"


def test_curl(echoing, tmp_path):
    upload = tmp_path / "upload"
    upload.write_bytes(b"u" * 3_000_000)
    base = url(echoing)
    token = bearer(echoing)
    code = ("-s", "-o", "/dev/null", "-w", "%{http_code}")
    assert command("curl", *code, f"{base}/read") == "401"
    assert command("curl", *code, "-H", token, f"{base}/write") == "403"
    assert command("curl", "-sS", "-H", token, f"{base}/read") == "GET 0"
    assert command("curl", "-sS", "-H", token, "--data-binary", f"@{upload}", f"{base}/read") == "POST 3000000"  # Expect: 100-continue
    assert command("curl", "-sS", "-H", token, "-T", upload, f"{base}/read/x") == "PUT 3000000"
    assert command("curl", "-sS", "-H", token, "-H", "Transfer-Encoding: chunked", "-T", upload, f"{base}/read/x") == "PUT 3000000"
    assert re.fullmatch(r"POST \d+", command("curl", "-sS", "-H", token, "-F", f"file=@{upload}", f"{base}/read"))
    assert command("curl", "-sS", "-0", "-H", token, f"{base}/read") == "GET 0"
    assert command("curl", "-sS", "--http2", "-H", token, f"{base}/read") == "GET 0"  # the h2c upgrade ends here
    many = command("curl", "-sS", "-H", token, f"{base}/read/[1-100]")
    assert many == "GET 0" * 100
    assert "200" in command("curl", "-sSI", "-H", token, f"{base}/read")


def test_http_client(echoing):
    connection = http.client.HTTPConnection("127.0.0.1", echoing.postern.port, timeout=PATIENCE)
    headers = {"Authorization": f"Bearer {echoing.tokens['reader']}"}
    for i in range(100):
        connection.request("POST", f"/read/{i}", b"x" * i, headers)
        assert connection.getresponse().read() == f"POST {i}".encode()
    connection.request("POST", "/read", iter([b"a" * 1000] * 50), headers)  # chunked
    assert connection.getresponse().read() == b"POST 50000"
    connection.request("HEAD", "/read", headers=headers)
    assert connection.getresponse().read() == b""
    connection.request("GET", "/read")
    refused = connection.getresponse()
    assert refused.status == 401 and json.loads(refused.read())["status"] == 401
    connection.close()


def test_httpx(echoing):
    with httpx.Client(base_url=url(echoing), timeout=PATIENCE, headers={"Authorization": f"Bearer {echoing.tokens['reader']}"}) as client:
        for i in range(100):
            assert client.get(f"/read/{i}").text == "GET 0"
        assert client.post("/read", content=iter([b"a" * 1000] * 50)).text == "POST 50000"
        assert client.put("/read", content=b"b" * 100_000).text == "PUT 100000"
        assert client.get("/write").status_code == 403
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            texts = list(pool.map(lambda i: client.post("/read", content=b"c" * i).text, range(200)))
        assert texts == [f"POST {i}" for i in range(200)]


def test_httpx_async_cancelled_in_the_middle(echoing):
    """Clients that give up leave nothing behind that would hurt the next one."""
    import asyncio

    release = threading.Event()
    plain = echoing.upstream.answer

    def answer(head, connection):
        if head.target == "/read/slow":
            release.wait(PATIENCE)
        return plain(head, connection)

    echoing.upstream.answer = answer

    async def hammer():
        headers = {"Authorization": f"Bearer {echoing.tokens['reader']}"}
        async with httpx.AsyncClient(base_url=url(echoing), headers=headers, timeout=PATIENCE) as client:
            slow = [asyncio.create_task(client.get("/read/slow")) for _ in range(20)]
            await asyncio.sleep(0.1)
            for task in slow:
                task.cancel()
            await asyncio.wait(slow, timeout=0.5)  # httpx may swallow a cancellation, and then waits for its answer
            release.set()
            await asyncio.gather(*slow, return_exceptions=True)
            return [(await client.get("/read")).text for _ in range(20)]

    assert asyncio.run(hammer()) == ["GET 0"] * 20


def test_node_fetch(echoing):
    assert command("node", CLIENTS / "fetch.mjs", url(echoing), echoing.tokens["reader"]).strip() == "ok"


def test_ws(guard, tokens, echo_server):
    postern = guard(upstream=f"http://127.0.0.1:{echo_server.port}")
    done = command("node", CLIENTS / "ws_client.cjs", f"ws://127.0.0.1:{postern.port}/read", tokens["reader"])
    assert done.strip() == "ok"
    told = json.loads(echo_server.stdout.readline())
    assert told == {"subject": "reader"}  # and no credential


@pytest.mark.parametrize("token, target, status", [("", "/read", 401), ("reader", "/write", 403)])
def test_ws_refused(guard, tokens, echo_server, token, target, status):
    postern = guard(upstream=f"http://127.0.0.1:{echo_server.port}")
    done = command("node", CLIENTS / "ws_client.cjs", f"ws://127.0.0.1:{postern.port}{target}", tokens.get(token, "x" * 20))
    assert done.strip() == f"refused {status}"


def test_hey(guard, tokens, whoami):
    postern = guard(upstream=whoami.url)
    report = command("hey", "-z", f"{SECONDS}s", "-c", 50, "-H", f"Authorization: Bearer {tokens['reader']}", f"http://127.0.0.1:{postern.port}/read")
    statuses = dict(re.findall(r"\[(\d+)\]\s+(\d+) responses", report))
    assert list(statuses) == ["200"], report
    assert "Error distribution" not in report, report
    assert int(statuses["200"]) > (100 if SANITIZED else 1000)


def test_hey_without_keep_alive(guard, tokens, whoami):
    postern = guard(upstream=whoami.url)
    report = command(
        "hey", "-z", f"{SECONDS}s", "-c", 20, "-disable-keepalive", "-H", f"Authorization: Bearer {tokens['reader']}",
        f"http://127.0.0.1:{postern.port}/read",
    )  # fmt: skip
    assert "Error distribution" not in report and re.findall(r"\[(\d+)\]\s+\d+ responses", report) == ["200"], report


def test_wrk(guard, tokens, whoami):
    postern = guard(upstream=whoami.url)
    report = command(
        "wrk", "-t", 2, "-c", 64, "-d", f"{SECONDS}s", "-H", f"Authorization: Bearer {tokens['reader']}",
        f"http://127.0.0.1:{postern.port}/read",
    )  # fmt: skip
    assert "Socket errors" not in report and "Non-2xx" not in report, report
    assert int(re.search(r"(\d+) requests in", report)[1]) > (100 if SANITIZED else 1000)


def test_wrk_that_is_refused(guard, whoami):
    """Refusals are answers too, on connections that stay open."""
    postern = guard(upstream=whoami.url)
    report = command("wrk", "-t", 2, "-c", 64, "-d", "1s", f"http://127.0.0.1:{postern.port}/read")
    assert "Socket errors" not in report, report
    assert int(re.search(r"Non-2xx or 3xx responses: (\d+)", report)[1]) == int(re.search(r"(\d+) requests in", report)[1])


def test_whoami_tells_what_arrived(guard, tokens, whoami):
    postern = guard(upstream=whoami.url)
    reply = postern.ask("GET", "/read/x?q=1", "X-Mine: 1", token=tokens["reader"])
    assert reply.status == 200
    body = reply.body.decode()
    assert "/read/x?q=1" in body and "reader" in body and "X-Mine" in body
    assert tokens["reader"] not in body
