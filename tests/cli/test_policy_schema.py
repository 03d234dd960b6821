"""`postern policy schema`: the examples of the documents are valid by it, and what the reader refuses is not."""

import json
import re

import pytest
from conftest import POLICY, ROOT

yaml = pytest.importorskip("yaml")

TYPES = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool}


def flaws(value, schema, root):
    """What is wrong with a value by the part of JSON Schema that the document uses; a word beyond it fails."""
    known = {"$schema", "$defs", "$ref", "title", "description", "allOf", "anyOf", "type", "const", "enum", "pattern", "required",
             "properties", "additionalProperties", "minProperties", "maxProperties", "items", "minItems"}
    assert set(schema) <= known, set(schema) - known
    found = []
    if "$ref" in schema:
        found += flaws(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root)
    for part in schema.get("allOf", []):
        found += flaws(value, part, root)
    if "anyOf" in schema and all(flaws(value, part, root) for part in schema["anyOf"]):
        found.append(f"{value!r} fits nothing")
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(isinstance(value, TYPES[one]) for one in types):
        found.append(f"{value!r} is no {types}")
    if "const" in schema and value != schema["const"] or "enum" in schema and value not in schema["enum"]:
        found.append(f"{value!r} is another value")
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        found.append(f"{value!r} is spelt otherwise")
    if isinstance(value, list):
        found += ["too few"] * (len(value) < schema.get("minItems", 0))
        found += [flaw for one in value for flaw in flaws(one, schema.get("items", {}), root)]
    if isinstance(value, dict):
        found += [f"{key} is missing" for key in schema.get("required", []) if key not in value]
        found += ["count"] * (not schema.get("minProperties", 0) <= len(value) <= schema.get("maxProperties", 1000))
        for key, one in value.items():
            rest = schema.get("additionalProperties", {})
            part = schema.get("properties", {}).get(key, rest)
            found += [f"{key} is unknown"] if part is False else flaws(one, part, root)
    return found


def plain(value):
    """As YAML without types: editors see dates and numbers as they are written."""
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return str(value) if hasattr(value, "isoformat") else value


def examples():
    readme = (ROOT / "policy/README.md").read_text()
    return [POLICY, (ROOT / "deploy/example/policy.yaml").read_text(), *re.findall(r"```yaml\n(.*?)```", readme, re.S)]


def test_the_examples_are_valid(empty):
    schema = json.loads(empty.run("policy", "schema").stdout)
    found = examples()
    assert len(found) >= 7
    for example in found:
        assert flaws(plain(yaml.safe_load(example)), schema, schema) == []


@pytest.mark.parametrize(
    "rule", ["{pth: /a}", "{path: /a, colour: red}", "{path: a}", "{path: /a, mode: off-ish}", "{path: /a, permission: A}",
             "{path: /a, query: {v: {nt: 1}}}", "{path: /a, any_of: []}", "{path: /a, rules: []}", "{permission: a}",
             "{path: /a, timeouts: {head: 1s}}", "{path: /a, timeouts: {idle: soon}}", "{path: /a, timeouts: {}}", "{path: /a, encoded_slash: maybe}",
             "{path: /a, include: [b.yaml]}", "{path: /a, rate_limit: 1}"],
)
def test_what_is_wrong_is_not_valid(empty, rule):
    schema = json.loads(empty.run("policy", "schema").stdout)
    assert flaws(plain(yaml.safe_load(f"version: 1\nrules: [{rule}]")), schema, schema) != []


@pytest.mark.parametrize("head", ["include: []", "include: a.yaml", "include: [/a.yaml]", "include: ['*.yaml']", "requirements: {}"])
def test_what_is_wrong_at_the_top_is_not_valid(empty, head):
    schema = json.loads(empty.run("policy", "schema").stdout)
    assert flaws(plain(yaml.safe_load(f"version: 1\n{head}\n")), schema, schema) != []
    assert flaws({"version": 1, "include": ["teams/a.yaml"]}, schema, schema) == []
