"""Nothing may take away the last usable token that holds postern.admin, unless forced."""

import pytest


@pytest.fixture
def ruled(shop):
    """With one administrator."""
    shop.admin = shop.json("token", "create", "--name", "root", "--role", "postern.admin")["id"]
    return shop


@pytest.fixture
def reigned(shop):
    """With one administrator, who is a user."""
    shop.run("user", "create", "queen", "--role", "postern.admin")
    shop.admin = shop.json("token", "create", "--owner", "queen")["id"]
    return shop


TOKEN_CHANGES = [
    ["delete"],
    ["disable"],
    ["update", "--set-role", ""],
    ["update", "--owner", "alice"],
    ["update", "--not-before", "2090-01-01"],
    ["update", "--expires", "2020-01-01"],
]


@pytest.mark.parametrize("words", TOKEN_CHANGES)
def test_the_last_one_s_token(ruled, words):
    before = ruled.json("token", "list"), ruled.json("audit", "list", "--limit", 0)
    told = ruled.refused("token", words[0], ruled.admin, *words[1:])
    assert "last administrator" in told and "--force" in told
    told = ruled.refused("token", words[0], "--where", "name=root", *words[1:])
    assert "last administrator" in told
    assert "last administrator" in ruled.refused("token", words[0], ruled.admin, "--dry-run", *words[1:])
    assert (ruled.json("token", "list"), ruled.json("audit", "list", "--limit", 0)) == before
    ruled.run("token", words[0], ruled.admin, *words[1:], "--force")


@pytest.mark.parametrize("words", TOKEN_CHANGES)
def test_one_of_two_may_go(ruled, words):
    ruled.run("token", "create", "--role", "postern.admin")
    ruled.run("token", words[0], ruled.admin, *words[1:])


@pytest.mark.parametrize("words", [
    ["delete", "queen"], ["update", "queen", "--disable"], ["update", "queen", "--remove-role", "postern.admin"],
    ["update", "queen", "--enabled-until", "2020-01-01"],
])  # fmt: skip
def test_the_last_one_s_user(reigned, words):
    before = reigned.json("user", "list")
    assert "last administrator" in reigned.refused("user", *words)
    assert reigned.json("user", "list") == before
    reigned.run("user", *words, "--force")


def test_their_only_token(reigned):
    assert "last administrator" in reigned.refused("token", "delete", reigned.admin)
    reigned.run("token", "create", "--owner", "queen")
    reigned.run("token", "delete", reigned.admin)


def test_one_that_cannot_be_used_does_not_count(ruled):
    ruled.run("token", "create", "--role", "postern.admin", "--disabled")
    ruled.run("user", "create", "king", "--role", "postern.admin")
    assert "last administrator" in ruled.refused("token", "delete", ruled.admin)


def test_where_there_is_none_nothing_is_in_the_way(shop):
    shop.run("user", "create", "queen", "--role", "postern.admin")
    shop.run("user", "delete", "queen")


def test_applying_a_catalog_is_no_way_around(reigned):
    (reigned.folder / "tame.yaml").write_text("version: 1\nusers:\n  - {id: queen}\n")
    assert "last administrator" in reigned.refused("catalog", "apply", "tame.yaml")
    reigned.run("catalog", "apply", "tame.yaml", "--force")


def test_the_reserved_group_and_role_cannot_be_taken_away(ruled):
    for noun, id in (("role", "postern.admin"), ("group", "postern.system")):
        assert "reserved" in ruled.refused(noun, "delete", id)
        assert ruled.json(noun, "show", id)["reserved"]
