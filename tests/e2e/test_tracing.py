"""Spans for a collector: of the traces that are recorded, under the names of OpenTelemetry, and never at the cost of a request."""

import json
import re
import time

import pytest

from server import until
from upstream import Upstream
from wire import response

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
RECORDED, UNRECORDED = f"00-{TRACE}-{CALLER}-01", f"00-{TRACE}-{CALLER}-00"


@pytest.fixture
def collector():
    taker = Upstream()
    taker.answer = response(200, "Content-Type: application/json", body=b"{}")
    yield taker
    taker.stop_listening()


def tracing(collector, **more):
    return {"tracing": {"endpoint": f"{collector.url}/v1/traces", **more}}


def spans(collector, count=1):
    """What the collector has been told, once it is that much."""
    def told():
        found = []
        for request in list(collector.requests):
            for resource in json.loads(request.body)["resourceSpans"]:
                for scope in resource["scopeSpans"]:
                    found += scope["spans"]
        return found

    until(lambda: len(told()) >= count, f"{count} spans", lambda: str(told()))
    return told()


def attributes(span):
    return {one["key"]: next(iter(one["value"].values())) for one in span["attributes"]}


def test_a_recorded_request_is_a_span_between_its_caller_and_the_api(guard, upstream, collector, tokens):
    postern = guard(config=tracing(collector, service_name="shop-gate"))
    before = time.time_ns()
    postern.ask("GET", "/read/a?secret=1", f"traceparent: {RECORDED}", "tracestate: a=b", token=tokens["reader"])
    (span,) = spans(collector)
    version, trace, ours, flags = upstream.last.get("traceparent").split("-")
    assert (version, trace, flags) == ("00", TRACE, "01") and ours != CALLER
    assert upstream.last.get("tracestate") == "a=b"
    assert (span["traceId"], span["spanId"], span["parentSpanId"], span["kind"]) == (TRACE, ours, CALLER, 2)
    assert before <= int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"]) <= time.time_ns()
    assert "status" not in span
    told = attributes(span)
    line = postern.access_log(1)[0]
    assert line["trace_id"] == TRACE
    assert span["name"] == f"GET {line['rule']}"
    assert told["http.request.method"] == "GET" and told["url.path"] == "/read/a" and told["http.response.status_code"] == "200"
    assert (told["postern.rule"], told["postern.verdict"], told["postern.token"]) == (line["rule"], "allow", line["token"])
    assert told["postern.request_id"] == line["request_id"] and told["client.address"] == "127.0.0.1"
    assert 0 <= int(told["postern.upstream_us"]) <= 60_000_000

    report = collector.requests[0]
    assert (report.method, report.target) == ("POST", "/v1/traces")
    assert report.get("content-type") == "application/json"
    (resource,) = json.loads(report.body)["resourceSpans"]
    assert attributes(resource["resource"])["service.name"] == "shop-gate"
    assert tokens["reader"] not in report.body.decode() and "secret=1" not in report.body.decode()
    until(lambda: postern.metric("spans_exported_total") == 1, "it to be counted")


def test_a_refusal_is_a_span_too_and_an_error_only_when_it_is_a_servers(guard, upstream, collector, tokens):
    postern = guard(config=tracing(collector))
    recorded = f"traceparent: {RECORDED}"
    assert postern.ask("GET", "/read", recorded).status == 401
    assert postern.ask("GET", "/nowhere", recorded, token=tokens["reader"]).status == 403
    upstream.serve = lambda connection: connection.close()
    assert postern.ask("GET", "/open", recorded).status == 502
    found = {attributes(span)["http.response.status_code"]: span for span in spans(collector, 3)}
    assert sorted(found) == ["401", "403", "502"]
    assert "status" not in found["401"] and "status" not in found["403"] and found["502"]["status"] == {"code": 2}
    assert attributes(found["403"])["postern.reason"] == "no_rule"
    assert all(attributes(span)["error.type"] for span in found.values())


def test_what_the_caller_does_not_record_is_not_told_and_passes_unchanged(guard, upstream, collector):
    postern = guard(config=tracing(collector, sample_percent=100))
    postern.ask("GET", "/open", f"traceparent: {UNRECORDED}")
    assert upstream.last.get("traceparent") == UNRECORDED
    postern.ask("GET", "/open", f"traceparent: {RECORDED}")  # after it, so that the first would have been seen
    assert [span["parentSpanId"] for span in spans(collector)] == [CALLER]


@pytest.mark.parametrize("percent, flags", [(0, "00"), (100, "01")])
def test_a_trace_that_begins_here_is_recorded_as_configured(guard, upstream, collector, percent, flags):
    postern = guard(config=tracing(collector, sample_percent=percent))
    postern.ask("GET", "/open", "traceparent: nonsense")
    _, trace, ours, told = upstream.last.get("traceparent").split("-")
    assert told == flags
    postern.ask("GET", "/open", f"traceparent: {RECORDED}")
    begun = [span for span in spans(collector, 1 + percent // 100) if "parentSpanId" not in span]
    assert [(span["traceId"], span["spanId"]) for span in begun] == ([(trace, ours)] if percent else [])


def test_a_part_of_the_traces_that_begin_here(guard, collector):
    postern = guard(config=tracing(collector, sample_percent=50))
    with postern.client() as client:
        for _ in range(200):
            client.ask("GET", "/open")
        client.ask("GET", "/open", f"traceparent: {RECORDED}")
    until(lambda: any(span.get("parentSpanId") for span in spans(collector)), "the last span")
    assert 40 < len(spans(collector)) < 160  # 13 standard deviations on either side


def test_without_a_collector_a_good_traceparent_passes_unchanged(shared):
    shared.postern.ask("GET", "/open", f"traceparent: {RECORDED}")
    assert shared.upstream.last.get("traceparent") == RECORDED


def test_a_collector_that_is_away_costs_no_request_and_gets_the_spans_when_it_is_back(guard, collector):
    postern = guard(config=tracing(collector))
    collector.answer = response(503, reason="Service Unavailable")
    for _ in range(20):
        assert postern.ask("GET", "/open", f"traceparent: {RECORDED}").status == 200
    postern.wait_for_log("warning: tracing: .*/v1/traces: answers 503; requests go on without their spans")
    collector.answer = response(200)
    postern.wait_for_log("tracing: .* takes spans again")
    # What was refused came again, and nothing was told twice once it was taken.
    taken = [request for request in collector.requests if request.body]
    assert len(spans(collector)) >= 20
    until(lambda: postern.metric("spans_exported_total") == 20, "all of them to be taken")
    assert postern.metric("spans_unsent_total") == 0 and len(re.findall("warning: tracing", postern.log)) == 1 and taken


@pytest.mark.parametrize("answer", [response(400, reason="Bad Request"), response(404, reason="Not Found"), b"nonsense\r\n\r\n"])
def test_a_collector_that_will_never_take_them(guard, collector, answer):
    postern = guard(config=tracing(collector))
    collector.answer = answer
    postern.ask("GET", "/open", f"traceparent: {RECORDED}")
    postern.wait_for_log("warning: tracing: ")
    if not answer.startswith(b"nonsense"):  # that may be a passing fault
        until(lambda: postern.metric("spans_unsent_total") == 1, "it to be given up")
    assert postern.ask("GET", "/open").status == 200


def test_nobody_listens_there(guard, collector):
    collector.stop_listening()
    postern = guard(config=tracing(collector))
    assert postern.ask("GET", "/open", f"traceparent: {RECORDED}").status == 200
    postern.wait_for_log("warning: tracing: .*: cannot be connected to: Connection refused")
    assert postern.stop() == 0


def test_what_is_there_when_the_process_ends_is_sent(guard, collector):
    postern = guard(config=tracing(collector))
    for _ in range(50):
        postern.ask("GET", "/open", f"traceparent: {RECORDED}")
    assert postern.stop() == 0
    assert len(spans(collector, 50)) == 50


def test_a_collector_that_never_answers_delays_the_end_a_little(guard, collector):
    postern = guard(config=tracing(collector))
    collector.answer = lambda request, connection: None
    postern.ask("GET", "/open", f"traceparent: {RECORDED}")
    collector.wait_for_requests(1)
    assert postern.stop() == 0


def test_a_long_path_is_cut_in_its_span(guard, collector):
    postern = guard(config=tracing(collector))
    path = "/open/" + "%C3%A9" * 1000
    assert postern.ask("GET", path, f"traceparent: {RECORDED}").status == 200
    assert path.startswith(attributes(spans(collector)[0])["url.path"])
    assert len(attributes(spans(collector)[0])["url.path"]) == 1024
