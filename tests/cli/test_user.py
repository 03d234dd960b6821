"""Users: their rights are those of all their tokens."""

import pytest


def test_create_and_show(shop):
    made = shop.json(
        "user", "create", "carol@shop.example", "--name", "Carol", "--email", "carol@shop.example", "--group", "staff",
        "--role", "shop.reader", "--permission", "shop.invoices.read", "--license", "shop.pro",
        "--grant", "shop.orders.write=order/1",
    )  # fmt: skip
    assert made == shop.json("user", "show", "carol@shop.example")
    assert made.pop("created")
    assert made == {
        "id": "carol@shop.example", "name": "Carol", "email": "carol@shop.example", "status": "enabled",
        "enabled_until": None, "groups": ["staff"], "roles": ["shop.reader"], "permissions": ["shop.invoices.read"],
        "licenses": ["shop.pro"], "grants": ["shop.orders.write=order/1"],
    }  # fmt: skip
    assert shop.run("user", "create", "dave").stdout == "created user dave\n"


def test_status(shop):
    def status(*words):
        user = shop.json("user", *words)
        return user["status"], user["enabled_until"]

    assert status("create", "a", "--disabled") == ("disabled", None)
    assert status("create", "b", "--enabled-until", "2099-01-01") == ("enabled_until", "2099-01-01T00:00:00Z")
    assert status("update", "b", "--disable") == ("disabled", None)
    assert status("update", "b", "--enable") == ("enabled", None)
    assert status("update", "b", "--enabled-until", "2098-01-01") == ("enabled_until", "2098-01-01T00:00:00Z")
    assert status("update", "b", "--enabled-until", "never") == ("enabled", None)


@pytest.mark.parametrize("kind, first, second", [
    ("group", "staff", "postern.system"), ("role", "shop.reader", "shop.writer"),
    ("permission", "shop.orders.read", "shop.invoices.read"),
])  # fmt: skip
def test_assignments_are_set_added_and_removed(shop, kind, first, second):
    if kind == "group":
        second = "more"
        shop.run("group", "create", second)

    def after(*words):
        return shop.json("user", "update", "bob", *words)[f"{kind}s"]

    assert after(f"--add-{kind}", first) == [first]
    assert after(f"--add-{kind}", second) == sorted([first, second])
    assert after(f"--remove-{kind}", first) == [second]
    assert after(f"--set-{kind}", f"{first},{second}") == sorted([first, second])
    assert after(f"--set-{kind}", first) == [first]
    assert after(f"--set-{kind}", second, f"--add-{kind}", first, f"--remove-{kind}", second) == [first]
    assert after(f"--set-{kind}", "") == []
    assert after(f"--add-{kind}", first) == [first]
    assert after(f"--set-{kind}=") == []


def test_grants_and_licenses_too(shop):
    assert shop.json("user", "update", "bob", "--add-license", "shop.pro")["licenses"] == ["shop.pro"]
    assert shop.json("user", "update", "bob", "--set-license", "")["licenses"] == []
    grant = "shop.orders.write=order/1"
    assert shop.json("user", "update", "bob", "--add-grant", grant)["grants"] == [grant]
    assert shop.json("user", "update", "bob", "--remove-grant", grant)["grants"] == []
    assert shop.json("user", "update", "bob", "--set-grant", grant)["grants"] == [grant]
    assert shop.json("user", "update", "bob", "--set-grant", "")["grants"] == []


def test_update_leaves_the_rest_alone(shop):
    before = shop.json("user", "show", "alice")
    assert shop.json("user", "update", "alice", "--name", "A") == {**before, "name": "A"}
    assert shop.json("user", "update", "alice", "--email", "") == {**before, "name": "A", "email": ""}


def test_list(shop):
    assert [user["id"] for user in shop.json("user", "list")] == ["alice", "bob"]
    lines = shop.run("user", "list").stdout.splitlines()
    assert lines[0].split() == ["ID", "NAME", "STATUS", "ROLES", "GROUPS"]
    assert lines[1].split() == ["alice", "Alice", "enabled", "shop.reader", "staff"]
    assert "--after alice" in shop.run("user", "list", "--limit", 1).stderr
    assert [user["id"] for user in shop.json("user", "list", "--after", "alice")] == ["bob"]


def test_deleting_a_user_deletes_their_tokens(shop):
    token = shop.json("token", "create", "--owner", "alice")
    assert token["owner"] == "alice"
    assert shop.run("user", "delete", "alice").stdout == "deleted user alice and their tokens\n"
    shop.refused("token", "show", token["id"])
    shop.refused("user", "show", "alice")


@pytest.mark.parametrize("words", [
    "create alice", "create .dot", "create x --role none", "create x --email \x01", "show mallory",
    "update mallory --disable", "update alice --add-role none", "delete mallory",
])  # fmt: skip
def test_refusals_change_nothing(shop, words):
    before = shop.json("user", "list")
    shop.refused("user", *words.split(" "))
    assert shop.json("user", "list") == before
