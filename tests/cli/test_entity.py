"""Permissions, roles, groups and licenses."""

import pytest

KINDS = ["permission", "role", "group", "license"]


@pytest.mark.parametrize("kind", KINDS)
def test_create_show_update_list_delete(shop, kind):
    assert shop.run(kind, "create", "new.one", "--name", "N", "--description", "D").stdout == f"created {kind} new.one\n"
    made = shop.json(kind, "show", "new.one")
    assert (made["id"], made["name"], made["description"], made["reserved"]) == ("new.one", "N", "D", False)
    assert shop.json(kind, "update", "new.one", "--name", "M") == {**made, "name": "M"}
    assert shop.json(kind, "update", "new.one", "--description", "") == {**made, "name": "M", "description": ""}
    assert "new.one" in [entity["id"] for entity in shop.json(kind, "list")]
    assert shop.run(kind, "list").stdout.startswith("ID ")
    assert shop.json(kind, "delete", "new.one") == {"id": "new.one", "deleted": True}
    assert "new.one" not in [entity["id"] for entity in shop.json(kind, "list")]
    shop.refused(kind, "show", "new.one")
    actions = [record["action"] for record in shop.json("audit", "list", "--limit", 0)[-4:]]
    assert actions == [f"{kind}.{verb}" for verb in ("create", "update", "update", "delete")]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("words", ["create Upper", "create a..b", "create -x-", "show none", "update none --name x", "delete none"])
def test_refusals_change_nothing(shop, kind, words):
    before = shop.json(kind, "list")
    done = shop.run(kind, *words.split(), ok=None)
    assert done.returncode in (1, 2) and done.stdout == ""
    assert shop.json(kind, "list") == before


@pytest.mark.parametrize("kind, name", [
    ("permission", "shop.orders.read"), ("role", "shop.reader"), ("group", "staff"), ("license", "shop.pro"),
])  # fmt: skip
def test_what_exists_is_not_made_again(shop, kind, name):
    assert name in shop.refused(kind, "create", name)


def test_the_permissions_of_a_role_are_set_added_and_removed(shop):
    def after(*words):
        return shop.json("role", "update", "shop.reader", *words)["permissions"]

    assert after("--add-permission", "shop.invoices.read,shop.orders.write") == [
        "shop.invoices.read", "shop.orders.read", "shop.orders.write",
    ]  # fmt: skip
    assert after("--remove-permission", "shop.orders.read", "--remove-permission", "shop.orders.write") == [
        "shop.invoices.read"
    ]
    assert after("--set-permission", "shop.orders.read") == ["shop.orders.read"]
    assert after("--set-permission", "") == []
    shop.refused("role", "update", "shop.reader", "--add-permission", "none")
    shop.refused("role", "create", "r", "--permission", "none")


def test_a_deleted_role_is_taken_from_whoever_holds_it(shop):
    shop.run("role", "delete", "shop.reader")
    assert shop.json("user", "show", "alice")["roles"] == []


def test_both_kinds_of_license(shop):
    made = shop.json("license", "create", "l.subject", "--seats", 2, "--url", "https://shop.example", "--disabled")
    assert (made["kind"], made["max_subjects"], made["subjects"], made["enabled"]) == ("subject", 2, 0, False)
    assert made["url"] == "https://shop.example"
    made = shop.json("license", "create", "l.application", "--application")
    assert (made["kind"], made["max_subjects"], made["subjects"], made["enabled"]) == ("application", None, None, True)


def test_seats(shop):
    shop.run("license", "update", "shop.pro", "--seats", 2)
    for user in ("alice", "bob"):
        shop.run("user", "update", user, "--add-license", "shop.pro")
    assert shop.json("license", "show", "shop.pro")["subjects"] == 2
    shop.refused("token", "create", "--license", "shop.pro")
    shop.refused("license", "update", "shop.pro", "--seats", 1)
    assert shop.json("license", "update", "shop.pro", "--seats", 0)["max_subjects"] == 0
    shop.run("token", "create", "--license", "shop.pro", "--quiet")


def test_a_license_is_switched_off_and_on(shop):
    assert shop.json("license", "update", "shop.pro", "--disable")["enabled"] is False
    assert shop.json("license", "update", "shop.pro", "--enable")["enabled"] is True


def test_a_reserved_entity_stays(shop):
    reserved = [(kind, entity["id"]) for kind in KINDS for entity in shop.json(kind, "list") if entity["reserved"]]
    assert reserved
    for kind, name in reserved:
        shop.refused(kind, "delete", name)
