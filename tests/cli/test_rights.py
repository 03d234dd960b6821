"""What a token may do and why, and who may do something."""

import pytest
from conftest import TOKEN


def rights(shop, *words):
    return shop.json("token", "rights", shop.json("token", "create", *words)["id"])


def test_each_permission_with_its_ways(shop):
    told = rights(
        shop, "--role", "shop.reader,shop.writer", "--permission", "shop.orders.read", "--group", "staff",
        "--grant", "shop.invoices.read=invoice/7", "--license", "shop.pro",
    )  # fmt: skip
    assert told["permissions"] == [
        {"id": "shop.orders.read", "directly": True, "roles": ["shop.reader", "shop.writer"]},
        {"id": "shop.orders.write", "directly": False, "roles": ["shop.writer"]},
    ]
    assert told["grants"] == ["shop.invoices.read=invoice/7"] and told["groups"] == ["staff"]
    assert told["licenses"] == [{"id": "shop.pro", "enabled": True}]
    assert (told["state"], told["blocked"], told["through"]) == ("valid", None, None)


def test_an_owned_token_has_its_owner_s_and_follows_them(shop):
    token = shop.json("token", "create", "--owner", "alice")["id"]
    told = shop.json("token", "rights", token)
    assert told["through"] == "user:alice"
    assert [permission["id"] for permission in told["permissions"]] == ["shop.orders.read"]
    shop.run("user", "update", "alice", "--set-role", "shop.writer")
    assert len(shop.json("token", "rights", token)["permissions"]) == 2
    shop.run("role", "delete", "shop.writer")
    assert shop.json("token", "rights", token)["permissions"] == []


@pytest.mark.parametrize("words, state, why", [
    (["--disabled"], "disabled", "the token is disabled"),
    (["--not-before", "2098-01-01"], "not_yet_valid", "not valid yet"),
    (["--owner", "bob"], "owner_disabled", "its owner bob is disabled"),
])  # fmt: skip
def test_what_blocks_it_is_said(shop, words, state, why):
    told = rights(shop, *words)
    assert told["state"] == state and why in told["blocked"]
    assert why in shop.run("token", "rights", told["id"]).stdout


def test_as_text_and_as_a_tree(shop):
    shop.run("license", "update", "shop.pro", "--disable")
    token = shop.json("token", "update", TOKEN, "--owner", "alice")["id"]
    shop.run("user", "update", "alice", "--add-license", "shop.pro", "--add-permission", "shop.invoices.read")
    assert shop.run("token", "rights", token).stdout == (
        f"token {TOKEN} (declared): valid\n"
        "has the rights of its owner, user alice (Alice)\n"
        "  permission shop.invoices.read  directly\n"
        "  permission shop.orders.read  through role shop.reader\n"
        "  role shop.reader\n"
        "  group staff\n"
        "  license shop.pro  which is disabled\n"
    )
    assert shop.run("token", "rights", token, "--tree").stdout == (
        f"token {TOKEN} (declared): valid\n"
        "`- owner user alice (Alice)\n"
        "   |- role shop.reader\n"
        "   |  `- permission shop.orders.read\n"
        "   |- permission shop.invoices.read\n"
        "   |- group staff\n"
        "   `- license shop.pro (disabled)\n"
    )


def test_who_can(shop):
    granted = shop.json("token", "create", "--grant", "shop.orders.read=order/1", "--disabled")["id"]
    shop.run("user", "update", "bob", "--add-permission", "shop.orders.read")
    shop.run("token", "create", "--owner", "alice")
    found = {one["subject"]: (one["state"], one["via"], one["tokens"]) for one in
             shop.json("subject", "who-can", "shop.orders.read")}  # fmt: skip
    assert found == {
        "user:alice": ("enabled", ["role shop.reader"], 1),
        "user:bob": ("disabled", ["directly"], 0),
        f"token:{TOKEN}": ("valid", ["role shop.reader"], None),
        f"token:{granted}": ("disabled", ["on order/1 only"], None),
    }
    shop.run("permission", "create", "shop.nobody")
    assert shop.json("subject", "who-can", "shop.nobody") == []
    assert "there is no permission shop.none" in shop.refused("subject", "who-can", "shop.none")


def test_who_can_goes_by_pages(shop):
    for _ in range(5):
        shop.run("token", "create", "--role", "shop.writer,shop.reader", "--permission", "shop.orders.read")
    every = [one["subject"] for one in shop.json("subject", "who-can", "shop.orders.read")]
    assert len(every) == 7 and every[0] == "user:alice" and every[1:] == sorted(every[1:])
    seen, after = [], []
    while len(page := shop.json("subject", "who-can", "shop.orders.read", "--limit", 2, *after)) == 2:
        seen += [one["subject"] for one in page]
        after = ["--after", seen[-1]]
    assert seen + [one["subject"] for one in page] == every
    assert f"--after {every[1]}" in shop.run("subject", "who-can", "shop.orders.read", "--limit", 2).stderr
    shop.refused("subject", "who-can", "shop.orders.read", "--after", "alice")
