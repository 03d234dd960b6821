"""Every setting of a token changes, and nothing else with it."""

import pytest
from conftest import TOKEN


def settings(shop, *words):
    before = shop.json("token", "show", TOKEN)
    after = shop.json("token", "update", TOKEN, *words)
    assert after == {key: value for key, value in shop.json("token", "show", TOKEN).items() if key in after}
    return {key: value for key, value in after.items() if before[key] != value}


@pytest.mark.parametrize(
    "words, changed",
    [
        (["--name", "Ä"], {"name": "Ä"}),
        (["--description", "why"], {"description": "why"}),
        (["--expires", "2098-01-01"], {"expires": "2098-01-01T00:00:00Z"}),
        (["--expires", "never"], {"expires": None}),
        (["--not-before", "2097-01-01"], {"not_before": "2097-01-01T00:00:00Z", "state": "not_yet_valid"}),
        (["--disable"], {"enabled": False, "state": "disabled"}),
        (["--set-cidr", "10.0.0.0/8", "--add-cidr", "2001:db8::/32"], {"networks": ["10.0.0.0/8", "2001:db8::/32"]}),
        (["--add-role", "shop.writer", "--remove-role", "shop.reader"], {"roles": ["shop.writer"]}),
        (["--add-permission", "shop.invoices.read"], {"permissions": ["shop.invoices.read"]}),
        (["--add-group", "staff"], {"groups": ["staff"]}),
        (["--add-license", "shop.pro"], {"licenses": ["shop.pro"]}),
        (["--add-grant", "shop.orders.write=order/1"], {"grants": ["shop.orders.write=order/1"]}),
        (["--owner", "alice"], {"owner": "alice", "roles": []}),
        (["--owner", "bob"], {"owner": "bob", "roles": [], "state": "owner_disabled"}),
    ],
)
def test_each_setting(shop, words, changed):
    assert settings(shop, *words) == changed


def test_settings_are_taken_back(shop):
    settings(shop, "--owner", "alice", "--set-cidr", "10.0.0.0/8", "--not-before", "2097-01-01", "--disable")
    assert settings(shop, "--owner", "", "--set-cidr", "", "--not-before", "never", "--enable", "--set-role", "shop.writer") == {
        "owner": None, "networks": [], "not_before": None, "enabled": True, "state": "valid", "roles": ["shop.writer"],
    }  # fmt: skip
    assert settings(shop, "--add-cidr", "10.0.0.0/8", "--add-cidr", "192.0.2.0/24") and settings(
        shop, "--remove-cidr", "10.0.0.0/8"
    ) == {"networks": ["192.0.2.0/24"]}


@pytest.mark.parametrize(
    "words",
    [
        ["--owner", "mallory"],
        ["--add-role", "shop.none"],
        ["--add-license", "shop.site"],
        ["--expires", "2050-01-01", "--not-before", "2060-01-01"],
        ["--name", "\x07"],
    ],
)
def test_what_may_not_be_changes_nothing(shop, words):
    before = shop.json("token", "show", TOKEN)
    done = shop.run("token", "update", TOKEN, *words, ok=None)
    assert done.returncode in (1, 2) and done.stdout == ""
    assert shop.json("token", "show", TOKEN) == before


def test_rights_of_its_own_beside_an_owner_are_refused(shop):
    assert "exactly the owner's rights" in shop.refused(
        "token", "update", TOKEN, "--owner", "alice", "--add-role", "shop.writer", code=2
    )


def test_nothing_to_change_is_a_mistake(shop):
    assert "nothing to change" in shop.refused("token", "update", TOKEN, code=2)
    assert "which token?" in shop.refused("token", "update", "--name", "x", code=2)


def test_the_log_says_what_was_and_what_is(shop):
    shop.run("token", "update", TOKEN, "--name", "new", "--reason", "renamed")
    record = shop.json("audit", "list")[-1]
    assert (record["action"], record["target"], record["reason"]) == ("token.update", TOKEN, "renamed")
    assert record["change"] == {"before": {"name": "declared"}, "after": {"name": "new"}}


def test_changing_nothing_is_not_logged(shop):
    before = shop.json("audit", "list", "--limit", 0)
    shop.run("token", "update", TOKEN, "--name", "declared")
    assert shop.json("audit", "list", "--limit", 0) == before
