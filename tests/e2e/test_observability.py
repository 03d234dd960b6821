"""What is told to operators is documented, whole, and used by dashboard and alerts under its right name."""

import json
import os
import re
import shutil
import subprocess

import jsonschema
import pytest
import yaml

from server import ROOT, until
from tls import Authority
from wire import PATIENCE

DASHBOARD = ROOT / "deploy/kubernetes/monitoring/dashboard.json"
RULE = ROOT / "deploy/kubernetes/monitoring/prometheus-rule.yaml"
ALERTS = ROOT / "deploy/prometheus/alerts.yaml"
METRICS = ROOT / "deploy/prometheus/metrics.md"
SCHEMA = ROOT / "deploy/prometheus/access-log.schema.json"
FOUND_BY_PROMETHEUS = {"job", "namespace", "le"}  # labels of its own
HEAD = """\
# Metrics

`GET /metrics` on the listener of `metrics.listen`, else of `admin.listen`, in Prometheus' text format. Counters begin at 0 when the process starts and are
summed over its shards. A label's values appear when there is something to count.

| metric | kind | labels | meaning |
|---|---|---|---|
"""


def golden(path, text):
    if os.environ.get("POSTERN_UPDATE_GOLDEN"):
        path.write_text(text)
    assert path.read_text() == text


@pytest.fixture
def busy(guard, tmp_path, tokens):
    """A postern that has something to say under every name: with certificates, and after some of each kind of request."""
    pair = Authority(tmp_path).issue("server", "api.test")
    listen = [{"address": "127.0.0.1:0", "tls": False}, {"address": f"unix:{tmp_path / 'tls.sock'}", "tls": True}]
    server = guard(config={"listen": listen, "tls": pair.config})
    for target, token in [("/open", None), ("/read", None), ("/read", tokens["reader"]), ("/read", "none-at-all"), ("/shadow", tokens["reader"]),
                          ("/project", tokens["alice"]), ("/open/../x", None)]:
        server.ask(target=target, token=token)
    until(lambda: server.metric("requests_total") >= 7, "the last of them to be counted")
    return server


def described(text):
    """{name: (kind, labels, help)} of an exposition."""
    found = {}
    for name, meaning in re.findall(r"^# HELP (\S+) (.*)$", text, re.M):
        kind = re.search(rf"^# TYPE {name} (\w+)$", text, re.M)[1]
        samples = re.findall(rf"^{name}(?:_bucket|_sum|_count)?(?:\{{(.*?)\}})? \S+$", text, re.M)
        assert samples, f"{name} has no sample"
        found[name] = (kind, sorted({label for sample in samples for label in re.findall(r'(\w+)="', sample)}), meaning)
    return found


def test_the_list_of_metrics_is_what_a_server_exposes(busy):
    rows = [f"| `{name}` | {kind} | {', '.join(f'`{label}`' for label in labels)} | {meaning} |" for name, (kind, labels, meaning) in described(busy.metrics()).items()]
    golden(METRICS, HEAD + "\n".join(rows) + "\n")


def listed():
    """{metric: labels} of the document, with the series that a histogram consists of."""
    found = {}
    for name, kind, labels in re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \|", METRICS.read_text(), re.M):
        names = [name] if kind != "histogram" else [f"{name}_bucket", f"{name}_sum", f"{name}_count"]
        for each in names:
            found[each] = set(re.findall(r"`(\w+)`", labels))
    return found


def queries():
    dashboard = json.loads(DASHBOARD.read_text())
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield f"panel {panel['title']}", target["expr"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield f"variable {variable['name']}", variable["query"]["query"]
    for group in yaml.safe_load(ALERTS.read_text())["groups"]:
        for rule in group["rules"]:
            yield f"alert {rule['alert']}", rule["expr"]


def test_dashboard_and_alerts_ask_for_what_there_is():
    known = listed()
    asked = 0
    for where, query in queries():
        labels = {name: set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", given)) for name, given in re.findall(r"(postern_\w+)(?:\{(.*?)\})?", query)}
        assert labels, where
        for name, used in labels.items():
            asked += 1
            assert name in known, f"{where}: there is no {name}"
            assert used <= known[name] | FOUND_BY_PROMETHEUS, f"{where}: {name} has no {used - known[name]}"
            for grouped in re.findall(r"by \((.*?)\)", query):
                assert set(re.split(r",\s*", grouped)) <= known[name] | FOUND_BY_PROMETHEUS, where
    assert asked > 40


def test_the_dashboard_is_whole():
    dashboard = json.loads(DASHBOARD.read_text())
    places = set()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert at["x"] + at["w"] <= 24 and not cells & places, panel["title"]
        places |= cells
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == "${datasource}"
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


def test_alerts_fire_where_they_should_and_nowhere_else():
    promtool = shutil.which("promtool")
    assert promtool, "prometheus is not installed (deploy/dependencies.txt)"
    done = subprocess.run([promtool, "test", "rules", "alerts_test.yaml"], cwd=ALERTS.parent, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    tested = {test["alertname"] for case in yaml.safe_load((ALERTS.parent / "alerts_test.yaml").read_text())["tests"]
              for test in case["alert_rule_test"] if test.get("exp_alerts")}
    assert tested == {rule["alert"] for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]}


def test_every_query_of_the_dashboard_can_be_parsed(tmp_path):
    rules = [{"record": f"panel:{i}", "expr": re.sub(r"\$__rate_interval", "5m", query)} for i, (where, query) in enumerate(queries()) if where.startswith("panel")]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    done = subprocess.run([shutil.which("promtool"), "check", "rules", file], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_operator_gets_the_same_rules():
    """POSTERN_UPDATE_GOLDEN=1 writes them from alerts.yaml."""
    head = "# Made from ../../prometheus/alerts.yaml.\napiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n  name: postern\nspec:\n"
    text = ALERTS.read_text()
    golden(RULE, head + "".join(f"  {line}" if line.strip() else line for line in text[text.index("groups:") :].splitlines(keepends=True)))


def test_lines_of_the_access_log_are_as_the_schema_says(busy, tokens):
    schema = json.loads(SCHEMA.read_text())
    validator = jsonschema.Draft202012Validator(schema)
    lines = busy.access_log(7)
    for line in lines:
        validator.validate(line)
    assert len({tuple(line) for line in lines}) >= 5  # lines of different kinds, or the check says little
    assert not validator.is_valid({**lines[0], "secret": "x"})


def test_schema_and_document_name_the_fields_that_are_written():
    written = set(re.findall(r'[,{"]"(\w+)":', (ROOT / "proxy/log_line.cpp").read_text()))
    schema = set(json.loads(SCHEMA.read_text())["properties"])
    text = (ROOT / "proxy/README.md").read_text()
    table = text[text.index("## The access log") : text.index("## Metrics")]
    documented = {name for row in re.findall(r"^\| (`.*?) \|", table, re.M) for name in re.findall(r"`(\w+)`", row)}
    assert written == schema == documented
