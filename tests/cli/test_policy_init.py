"""`postern policy init`: a policy and a catalog for an API from its document."""

import json

import pytest
from conftest import OPENAPI, ROOT

API = """\
openapi: 3.0.3
info: {title: Shop, version: "1"}
security: [{bearerAuth: []}]
paths:
  /health: {get: {operationId: health, tags: [status], security: []}}
  /orders:
    get: {operationId: listOrders, tags: [orders]}
    post: {operationId: makeOrder, tags: [orders]}
  /orders/{order}:
    delete: {operationId: dropOrder, tags: [orders], x-permission: orders.delete}
"""

POLICY = """\
# Proposed by `postern policy init` from "api.yaml": a rule for each operation. It is yours from here on:
# `postern policy init --update` adds what a later document brings and changes nothing of it.
version: 1
rules:
  # --- status ---
  # The document declares no security; guarded all the same. accepted: guarded_operation
  - id: health
    path: /health
    methods: [GET]
    permission: status.read

  # --- orders ---
  - id: listOrders
    path: /orders
    methods: [GET]
    permission: orders.read
  - id: makeOrder
    path: /orders
    methods: [POST]
    permission: orders.write
  - id: dropOrder
    path: /orders/{order}
    methods: [DELETE]
    permission: orders.delete
"""

CATALOG = """\
# The permissions that policy.yaml demands, and roles to hold them: for each tag a reader, a writer and an administrator.
version: 1
permissions:
  - {id: status.read, name: Read status}
  - {id: orders.read, name: Read orders}
  - {id: orders.write, name: Write orders}
  - orders.delete
roles:
  - {id: status.reader, name: "status: reader", permissions: [status.read]}
  - {id: status.admin, name: "status: administrator", permissions: [status.read]}
  - {id: orders.reader, name: "orders: reader", permissions: [orders.read]}
  - {id: orders.writer, name: "orders: writer", permissions: [orders.read, orders.write]}
  - {id: orders.admin, name: "orders: administrator", permissions: [orders.read, orders.write, orders.delete]}
"""

TESTS = """\
# What policy.yaml is meant to say, for `postern policy test`: who may, and who may not. A beginning.
version: 1
subjects:
  nobody: {id: nobody}  # a valid token that holds nothing
  status.reader: {roles: [status.reader]}
  status.admin: {roles: [status.admin]}
  orders.reader: {roles: [orders.reader]}
  orders.writer: {roles: [orders.writer]}
  orders.admin: {roles: [orders.admin]}
cases:
  - {as: [status.reader, status.admin], request: GET /health, expect: allow, rule: health}
  - {as: [anonymous, unusable, nobody], request: GET /health, expect: deny, rule: health}
  - {as: [orders.reader, orders.writer, orders.admin], request: GET /orders, expect: allow, rule: listOrders}
  - {as: [anonymous, unusable, nobody], request: GET /orders, expect: deny, rule: listOrders}
  - {as: [orders.writer, orders.admin], request: POST /orders, expect: allow, rule: makeOrder}
  - {as: [anonymous, unusable, nobody, orders.reader], request: POST /orders, expect: deny, rule: makeOrder}
  - {as: [orders.admin], request: DELETE /orders/other, expect: allow, rule: dropOrder}
  - {as: [anonymous, unusable, nobody, orders.reader, orders.writer], request: DELETE /orders/other, expect: deny, rule: dropOrder}
"""


@pytest.fixture
def api(empty):
    (empty.folder / "api.yaml").write_text(API)
    return empty


def files(shop):
    return [(shop.folder / name).read_text() for name in ("policy.yaml", "catalog.yaml")]


def table_of(shop):
    return (shop.folder / "policy-tests.yaml").read_text()


def init(shop, *options, ok=0, document="api.yaml"):
    return shop.run("policy", "init", "--openapi", document, *options, ok=ok)


def assert_nothing_is_wrong(shop, document="api.yaml"):
    """`check` loads it, and `prove` finds nothing, warnings included."""
    (shop.folder / "postern.yaml").write_text(
        "listen: 127.0.0.1:0\nupstream: http://127.0.0.1:8000\nstore: store\npolicy: policy.yaml\ncatalog: catalog.yaml\n"
    )
    assert shop.json("check", "--config", "postern.yaml")["ok"] is True
    shop.run("policy", "test", "policy-tests.yaml", "--strict")
    answer = shop.json("policy", "prove", "--openapi", document, "--policy", "policy.yaml", "--catalog", "catalog.yaml", "--strict")
    assert answer["findings"] == []
    assert all(one["rules"] and all(rule["rule"] for rule in one["rules"]) for one in answer["operations"])
    return answer


def test_policy_catalog_and_roles_from_a_document(api):
    assert init(api).stdout == (
        "./policy.yaml: 4 rules added\n./catalog.yaml: 4 permissions and 5 roles added\n"
        "no security declared for 1 operation: guarded all the same (--open opens what declares none)\n"
    )
    assert files(api) == [POLICY, CATALOG] and table_of(api) == TESTS
    assert assert_nothing_is_wrong(api)["accepted"] == 1


def test_what_the_document_leaves_open_is_open_when_asked_for(api):
    init(api, "--open")
    assert "  - id: health\n    path: /health\n    methods: [GET]\n    allow: anonymous\n" in files(api)[0]
    assert_nothing_is_wrong(api)


def test_what_is_there_is_neither_overwritten_nor_half_replaced(api):
    (api.folder / "catalog.yaml").write_text("mine\n")
    assert "./catalog.yaml exists; --update adds to it, --force replaces it" in init(api, ok=1).stderr
    assert not (api.folder / "policy.yaml").exists()
    init(api, "--force")
    assert files(api) == [POLICY, CATALOG]
    assert "give one" in init(api, "--force", "--update", ok=2).stderr


def test_a_directory_is_made_and_files_keep_mode_and_link(api):
    init(api, "--directory", "guard/here")
    there = api.folder / "guard/here"
    (there / "policy.yaml").chmod(0o640)
    (api.folder / "real.yaml").write_text((there / "catalog.yaml").read_text().replace("  - orders.delete\n", ""))
    (there / "catalog.yaml").unlink()
    (there / "catalog.yaml").symlink_to("../../real.yaml")
    (api.folder / "api.yaml").write_text(API + "  /new: {get: {tags: [new]}}\n")
    init(api, "--directory", "guard/here", "--update")
    assert (there / "policy.yaml").stat().st_mode & 0o777 == 0o640
    assert (there / "catalog.yaml").is_symlink() and "new.read" in (api.folder / "real.yaml").read_text()
    assert sorted(path.name for path in there.iterdir()) == ["catalog.yaml", "policy-tests.yaml", "policy.yaml"]


def test_the_same_document_twice_changes_no_byte(api):
    init(api)
    assert init(api, "--update").stdout.startswith("./policy.yaml: 0 rules added\n./catalog.yaml: 0 permissions and 0 roles added\n")
    assert files(api) == [POLICY, CATALOG] and table_of(api) == TESTS


def test_a_later_document_adds_and_keeps_what_people_wrote(api):
    init(api)
    # By hand: a rule for a whole tree instead of three, a role cut down, comments, another order.
    policy = POLICY.replace("permission: status.read", "allow: anonymous  # asked for by operations")
    policy = policy[: policy.index("  # --- orders")] + "  - {path: /orders/**, permission: orders.read}  # all of it\n"
    catalog = CATALOG.replace("[orders.read, orders.write, orders.delete]", "[orders.read]").replace("]}\n", "]}  # for now\n").replace("  - orders.delete\n", "")
    (api.folder / "policy.yaml").write_text(policy + "# The end.\n")
    (api.folder / "catalog.yaml").write_text(catalog)
    later = API.replace("  /orders:\n", "  /orders/{order}/lines: {put: {tags: [orders]}}\n  /orders:\n")
    later += "  /bills: {get: {tags: [bills]}, head: {tags: [orders], x-permission: orders.peek}}\n"
    (api.folder / "api.yaml").write_text(later)
    assert init(api, "--update").stdout.startswith(
        "./policy.yaml: 2 rules added\n./catalog.yaml: 2 permissions and 2 roles added, 3 roles extended\n"
    )
    assert files(api) == [
        policy
        + "# The end.\n\n  # --- orders ---\n  - id: head-bills\n    path: /bills\n    methods: [HEAD]\n    permission: orders.peek\n"
        + "\n  # --- bills ---\n  - id: get-bills\n    path: /bills\n    methods: [GET]\n    permission: bills.read\n",
        catalog.replace("roles:\n", "  - orders.peek\n  - {id: bills.read, name: Read bills}\nroles:\n")
        .replace("reader\", permissions: [orders.read]", "reader\", permissions: [orders.read, orders.peek]")
        .replace("[orders.read, orders.write]", "[orders.read, orders.write, orders.peek]")
        .replace('administrator", permissions: [orders.read]', 'administrator", permissions: [orders.read, orders.peek]')
        + '  - {id: bills.reader, name: "bills: reader", permissions: [bills.read]}\n'
        + '  - {id: bills.admin, name: "bills: administrator", permissions: [bills.read]}\n',
    ]
    assert table_of(api) == TESTS + (
        "  - {as: {permissions: [orders.peek]}, request: HEAD /bills, expect: allow, rule: head-bills}\n"
        "  - {as: [anonymous, unusable], request: HEAD /bills, expect: deny, rule: head-bills}\n"
        "  - {as: {permissions: [bills.read]}, request: GET /bills, expect: allow, rule: get-bills}\n"
        "  - {as: [anonymous, unusable], request: GET /bills, expect: deny, rule: get-bills}\n"
    )
    first = files(api) + [table_of(api)]
    init(api, "--update")
    assert files(api) + [table_of(api)] == first


def test_names_that_are_taken_and_rules_for_one_host_do_not_get_in_the_way(api):
    (api.folder / "policy.yaml").write_text(
        "version: 1\ndefaults: {host: shop.test}\nrules:\n  - {id: listOrders, path: /, allow: anonymous}\n"
    )
    init(api, "--update")
    text = files(api)[0]
    assert "  - id: listOrders-2\n" in text
    init(api, "--update")
    assert files(api)[0] == text


def test_what_cannot_be_added_to_is_said_and_left_alone(api):
    init(api)
    for name, text in [
        ("policy.yaml", "version: 1\nrules: [{path: /a, allow: anonymous}]\n"),
        ("policy.yaml", "version: 1\nrules:\n  - {path: /a, allow: everyone}\n"),
        ("catalog.yaml", "version: 1\nroles:\n  - {id: No}\n"),
    ]:
        (api.folder / "policy.yaml").write_text(POLICY[: POLICY.index("  # --- orders")])
        (api.folder / "catalog.yaml").write_text(CATALOG)
        (api.folder / name).write_text(text)
        before = files(api)
        assert init(api, "--update", ok=1).stderr != ""
        assert files(api) == before


def test_what_is_no_document(api):
    assert "--openapi FILE|URL is needed" in api.refused("policy", "init", code=2)
    assert "nothing.yaml: cannot be opened" in init(api, document="nothing.yaml", ok=1).stderr
    (api.folder / "api.yaml").write_text("openapi: 3.0.0\npaths: {}\n")
    assert "no operation" in init(api, ok=1).stderr
    (api.folder / "api.json").write_text('{"paths": [}')
    assert "api.json:1:12: a value was expected here" in init(api, document="api.json", ok=1).stderr


def test_an_answer_for_programs(api):
    answer = api.json("policy", "init", "--openapi", "api.yaml", "--directory", "guard")
    assert answer == {
        "operations": 4, "unreachable": 0, "undeclared": 1, "files": ["guard/policy.yaml", "guard/catalog.yaml", "guard/policy-tests.yaml"],
        "rules_added": 4, "permissions_added": 4, "roles_added": 5, "roles_extended": 0,
    }


def test_a_document_of_megabytes_in_one_line(api):
    paths = {
        f"/t{n}/{{id}}": {"get": {"tags": [f"t{n % 40}"], "security": [{"b": []}], "responses": {"200": {"description": "x" * 2000}}}}
        for n in range(1000)
    }
    (api.folder / "api.json").write_text(json.dumps({"openapi": "3.0.0", "paths": paths}))
    assert (api.folder / "api.json").stat().st_size > 2_000_000
    assert api.json("policy", "init", "--openapi", "api.json")["rules_added"] == 1000
    assert_nothing_is_wrong(api, "api.json")


def test_the_example_s_api(api):
    pytest.importorskip("fastapi")
    import sys

    sys.path.insert(0, str(ROOT / "deploy/example"))
    import events

    (api.folder / "spec.json").write_text(json.dumps(events.api.openapi()))
    init(api, document="spec.json")
    assert_nothing_is_wrong(api, "spec.json")


def test_the_shop_of_the_examples_is_covered_already(shop):
    assert (shop.folder / "openapi.yaml").read_text() == OPENAPI
    assert shop.json("policy", "init", "--openapi", "openapi.yaml", "--update")["rules_added"] == 0


def test_what_an_included_file_governs_is_covered_already(shop):
    (shop.folder / "policy.yaml").rename(shop.folder / "team.yaml")
    whole = "version: 1\ninclude: [team.yaml]\nrules:\n  - {id: own, path: /own, allow: anonymous}\n"
    (shop.folder / "policy.yaml").write_text(whole)
    assert shop.json("policy", "init", "--openapi", "openapi.yaml", "--update")["rules_added"] == 0
    assert (shop.folder / "policy.yaml").read_text() == whole


MORE = API + "  /orders/{order}/lines: {get: {operationId: listLines, tags: [lines]}}\n"


@pytest.mark.parametrize("name", ["policy.yaml", "catalog.yaml", "policy-tests.yaml"])
def test_a_byte_order_mark_stays(api, name):
    init(api)
    file = api.folder / name
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    before = file.read_bytes()
    (api.folder / "api.yaml").write_text(MORE)
    init(api, "--update")
    assert file.read_bytes().startswith(before[:100]) and len(file.read_bytes()) > len(before)


def test_cases_are_not_added_behind_the_end_of_the_document(api):
    init(api)
    file = api.folder / "policy-tests.yaml"
    file.write_text(file.read_text() + "...\n")
    before = files(api)
    (api.folder / "api.yaml").write_text(MORE)
    assert "does not fit" in init(api, "--update", ok=1).stderr
    assert files(api) == before


def test_a_permission_is_not_written_into_a_text(api):
    init(api)
    (api.folder / "catalog.yaml").write_text(
        'version: 1\npermissions:\n  - {id: status.read}\n  - {id: orders.read}\n  - {id: orders.write}\n  - {id: orders.delete}\n'
        '  - id: other.one\n    description: "begun\n# and ended"\nroles:\n  - {id: other.role}\n')
    before = files(api)
    (api.folder / "api.yaml").write_text(MORE)
    done = init(api, "--update", ok=None)
    if done.returncode == 0:  # wherever it went, it is there, and the text is as it was
        text = (api.folder / "catalog.yaml").read_text()
        assert '"begun\n# and ended"' in text
    else:
        assert "does not fit" in done.stderr and files(api) == before
