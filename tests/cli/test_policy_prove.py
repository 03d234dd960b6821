"""`postern policy prove`: what a policy means for an API, from its document alone."""

import json

import pytest
from conftest import ROOT


def kinds(answer):
    return [(one["kind"], one["severity"], one["line"]) for one in answer["findings"]]


def test_a_policy_that_covers_its_api(shop):
    answer = shop.json("policy", "prove", "--openapi", "openapi.yaml")
    assert (answer["ok"], answer["findings"]) == (True, [])
    assert [(one["method"], one["path"], [rule["rule"] for rule in one["rules"]]) for one in answer["operations"]] == [
        ("GET", "/health", ["policy.yaml:3"]),
        ("GET", "/orders", ["policy.yaml:4"]),
        ("GET", "/orders/{order}", ["policy.yaml:4"]),
        ("PUT", "/orders/{order}", ["policy.yaml:5"]),
    ]
    assert shop.run("policy", "prove", "--openapi", "openapi.yaml").stdout == "4 operations, 0 findings, 0 of them errors\n"


def test_hosts_are_compared_as_those_of_requests(shop):
    (shop.folder / "policy.yaml").write_text(
        "version: 1\nrules:\n"
        "  - {path: /**, authenticated: true}\n"
        "  - {path: /**, host: api.example.com, allow: anonymous}\n"
    )
    plain = shop.run("policy", "prove", "--openapi", "openapi.yaml", "--host", "api.example.com", ok=1).stdout
    for spelled in ("API.example.com", "api.example.com."):
        assert shop.run("policy", "prove", "--openapi", "openapi.yaml", "--host", spelled, ok=1).stdout == plain
    assert "every port" in shop.refused("policy", "prove", "--openapi", "openapi.yaml", "--host", "api.example.com:8443", code=2)
    assert "is no host" in shop.refused("policy", "prove", "--openapi", "openapi.yaml", "--host", "a b", code=2)


def test_what_is_wrong_has_a_place_and_fails(shop):
    (shop.folder / "policy.yaml").write_text(
        "version: 1\nrules:\n"
        "  - {path: /health, authenticated: true}\n"
        "  - {path: /orders, allow: anonymous}\n"
        "  - {path: /orders/new, permission: shop.orders.write}\n"
        "  - {path: /invoices, permission: shop.invoices.read}\n"
    )
    answer = shop.json("policy", "prove", "--openapi", "openapi.yaml", ok=1)
    assert kinds(answer) == [
        ("guarded_operation", "warning", 5),
        ("open_operation", "error", 6),
        ("uncovered_operation", "error", 8),
        ("uncovered_operation", "error", 9),
        ("unused_rule", "warning", 6),
        ("unheld_permission", "warning", 6),
    ]
    text = shop.run("policy", "prove", "--openapi", "openapi.yaml", ok=1).stdout
    assert "openapi.yaml:8: error: no rule governs some requests of GET /orders/{order}, for example /orders/other\n" in text
    sarif = json.loads(shop.run("policy", "prove", "--openapi", "openapi.yaml", "--sarif", ok=1).stdout)
    assert sarif["version"] == "2.1.0"
    first = sarif["runs"][0]["results"][0]
    assert first["ruleId"] == "guarded_operation" and first["level"] == "warning"
    place = first["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("openapi.yaml", 5)


def test_warnings_fail_only_when_asked_to(shop):
    (shop.folder / "policy.yaml").write_text("version: 1\nrules:\n  - {path: /**, authenticated: true}\n")
    assert kinds(shop.json("policy", "prove", "--openapi", "openapi.yaml")) == [("guarded_operation", "warning", 5)]
    assert shop.json("policy", "prove", "--openapi", "openapi.yaml", "--strict", ok=1)["ok"] is False


def test_json_documents_servers_and_hosts(shop):
    document = {"openapi": "3.1.0", "servers": [{"url": "https://api.example.com/v1"}], "paths": {"/a": {"get": {}}}}
    (shop.folder / "api.json").write_text(json.dumps(document))
    (shop.folder / "policy.yaml").write_text(
        "version: 1\nrules:\n  - {id: here, path: /v1/**, host: api.example.com, allow: anonymous}\n"
    )
    answer = shop.json("policy", "prove", "--openapi", "api.json", "--host", "api.example.com")
    assert [rule["rule"] for rule in answer["operations"][0]["rules"]] == ["here"]
    answer = shop.json("policy", "prove", "--openapi", "api.json", ok=1)
    assert answer["findings"][0]["message"].endswith("for example any-other.invalid/v1/a")
    answer = shop.json("policy", "prove", "--openapi", "api.json", "--base", "/v2", "--host", "api.example.com", ok=1)
    assert answer["operations"][0]["path"] == "/v2/a"


def test_what_is_no_document(shop):
    assert "--openapi FILE|URL is needed" in shop.refused("policy", "prove", code=2)
    assert '"paths"' in shop.run("policy", "prove", "--openapi", "policy.yaml", ok=1).stderr


def test_the_example_s_policy_covers_the_example_s_api(empty):
    pytest.importorskip("fastapi")
    import sys

    sys.path.insert(0, str(ROOT / "deploy/example"))
    import events

    (empty.folder / "spec.json").write_text(json.dumps(events.api.openapi()))
    example = ROOT / "deploy/example"
    answer = empty.json("policy", "prove", "--openapi", "spec.json", "--policy", example / "policy.yaml", "--catalog", example / "catalog.yaml")
    assert [one for one in answer["findings"] if one["severity"] == "error"] == []
    assert len(answer["operations"]) >= 8
