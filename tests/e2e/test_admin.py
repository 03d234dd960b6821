"""The admin listener: health and metrics, nothing else, and never on the public side."""

import re

import pytest

from server import until
from wire import Client, request


def test_liveness_and_readiness(postern):
    for target in ("/livez", "/readyz"):
        reply = postern.admin(target)
        assert reply.status == 200, target
        assert postern.admin(target, "HEAD").status == 200


@pytest.mark.parametrize("target", ["/livez", "/readyz", "/metrics"])
def test_the_public_side_has_none_of_them(postern, target, upstream):
    assert postern.ask(target=target).status == 401
    assert upstream.received == b""


@pytest.mark.parametrize("target", ["/", "/open", "/read", "/livez/", "/metrics/x", "/../metrics", "//metrics", "/%6detrics?x", "/nowhere"])
def test_it_serves_nothing_else(postern, target, upstream):
    assert postern.admin(target).status in (400, 404)
    assert upstream.received == b""


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_it_changes_nothing(postern, method):
    assert postern.admin("/metrics", method).status in (400, 404, 405, 501)


@pytest.mark.parametrize(
    "data",
    [
        b"GET /metrics HTTP/1.1\nHost: h\n\n",
        b"GET /metrics HTTP/1.1\r\nHost : h\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"GET  /metrics HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n",
    ],
)
def test_it_reads_as_strictly_as_the_public_side(postern, data):
    with Client(postern.admin_port) as client:
        client.send(data)
        client.end()
        answer = client.rest()
    assert answer == b"" or re.match(rb"HTTP/1.1 4\d\d ", answer)
    assert postern.admin("/livez").status == 200


def parse(text):
    """Prometheus' text format 0.0.4, strictly: {(name, labels): value}."""
    samples, types, helps = {}, {}, set()
    label = r'[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*"'
    for line in text.splitlines():
        if found := re.fullmatch(r"# HELP (\w+) (.+)", line):
            assert found[1] not in helps, line
            helps.add(found[1])
        elif found := re.fullmatch(r"# TYPE (\w+) (counter|gauge|histogram|summary|untyped)", line):
            assert found[1] not in types and found[1] in helps, line
            types[found[1]] = found[2]
        else:
            found = re.fullmatch(rf"(\w+)(?:\{{({label}(?:,{label})*)\}})? (\S+)", line)
            assert found, line
            family = re.sub(r"_(bucket|sum|count)$", "", found[1])
            assert found[1] in types or types.get(family) == "histogram", line
            key = (found[1], found[2] or "")
            assert key not in samples, line
            samples[key] = float(found[3])
    for (name, _), value in samples.items():
        if types.get(name) == "counter":
            assert name.endswith("_total") and value >= 0
    assert text.endswith("\n")
    return samples


def test_metrics_are_in_the_format_and_count(postern, tokens):
    reply = postern.admin("/metrics")
    assert reply.get("content-type").startswith("text/plain; version=0.0.4")
    before = parse(reply.body.decode())
    for _ in range(3):
        postern.ask()
    postern.ask(target="/read")
    postern.ask(target="/write", token=tokens["reader"])
    postern.ask(target="/read", token="0123456789abcdefghijklmnop")

    def grown(name, labels):
        return parse(postern.metrics()).get((name, labels), 0) - before.get((name, labels), 0)

    counts = {'status="200"': 3, 'status="401"': 2, 'status="403"': 1}  # each a little after its answer
    until(lambda: {label: grown("postern_requests_total", label) for label in counts} == counts, "all of them to be counted", postern.metrics)
    assert grown("postern_decisions_total", 'reason="anonymous"') == 3
    assert grown("postern_decisions_total", 'reason="missing_permission"') == 1
    assert grown("postern_decisions_total", 'reason="no_credential"') == 1
    samples = parse(postern.metrics())
    assert samples[("postern_policy_rules", "")] > 5
    assert any(name == "postern_build_info" for name, _ in samples)
    assert 0 < samples[("postern_store_used_bytes", "")] < samples[("postern_store_size_bytes", "")]


def test_histograms_are_cumulative(postern):
    for _ in range(5):
        postern.ask()
    samples = parse(postern.metrics())
    names = {name[: -len("_bucket")] for name, _ in samples if name.endswith("_bucket")}
    assert names
    for name in names:
        by_labels = {}
        for (sample, labels), value in samples.items():
            if sample == f"{name}_bucket":
                bound = re.search(r'le="([^"]+)"', labels)[1]
                rest = re.sub(r',?le="[^"]+"', "", labels)
                by_labels.setdefault(rest, []).append((float(bound.replace("+Inf", "inf")), value))
        for rest, buckets in by_labels.items():
            buckets.sort()
            values = [value for _, value in buckets]
            assert values == sorted(values)
            assert buckets[-1][0] == float("inf")
            assert buckets[-1][1] == samples[(f"{name}_count", rest.strip(","))]


def test_metrics_hold_no_secret_and_no_path(postern, tokens):
    postern.ask(target="/read/private-path?query-secret", token=tokens["reader"])
    text = postern.metrics()
    for word in (*tokens.values(), "private-path", "query-secret", str(postern.folder)):
        assert word not in text


def test_metrics_may_have_a_listener_of_their_own(guard):
    postern = guard(config={"metrics": {"listen": "127.0.0.1:0"}})
    port = int(postern.wait_for_log(r"postern: metrics on http://127\.0\.0\.1:(\d+)")[0])
    with Client(port) as client:
        assert client.ask("GET", "/metrics", "Connection: close").status == 200


def test_a_slow_scraper_does_not_stop_the_next(postern):
    slow = Client(postern.admin_port)
    slow.send(request("GET", "/metrics")[:-2])
    assert postern.admin("/livez").status == 200
    slow.close()
