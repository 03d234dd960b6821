"""Canaries: tokens that are there to be noticed, and open nothing."""

import pytest


@pytest.fixture
def bait(shop):
    return shop.json("token", "create", "--name", "bait", "--canary")


def test_it_is_a_token_like_any_other_and_never_valid(shop, bait):
    assert (bait["canary"], bait["state"]) == (True, "canary")
    assert [token["id"] for token in shop.json("token", "list", "--state", "canary")] == [bait["id"]]
    verified = shop.run("token", "verify", stdin=bait["secret"], ok=None)
    assert verified.returncode != 0 and "canary" in verified.stdout
    rights = shop.run("token", "rights", bait["id"]).stdout
    assert "the token is a canary, which opens nothing" in rights


@pytest.mark.parametrize("rights", [("--owner", "alice"), ("--role", "shop.reader"), ("--grant", "shop.orders.read=order/1")])
def test_it_can_be_given_no_rights(shop, bait, rights):
    refused = shop.run("token", "create", "--canary", *rights, ok=2)
    assert "a canary has no owner and no rights" in refused.stderr
    if rights[0] != "--grant":
        option = {"--role": "--add-role"}.get(rights[0], rights[0])
        refused = shop.run("token", "update", bait["id"], option, rights[1], ok=None)
        assert refused.returncode != 0 and "a canary has no owner and no rights" in refused.stderr


def test_it_is_declared_and_exported(shop, bait, tmp_path):
    another = tmp_path / "another"
    exported = shop.run("catalog", "export").stdout
    (line,) = [line for line in exported.splitlines() if bait["id"] in line]
    assert "canary: true" in line
    (shop.folder / "exported.yaml").write_text(exported)
    shop.run("catalog", "apply", "exported.yaml", "--store", another)
    assert shop.json("token", "show", bait["id"], "--store", another)["canary"] is True
    assert shop.run("catalog", "export", "--store", another).stdout == exported


def test_a_catalog_that_gives_it_rights_is_refused(shop):
    (shop.folder / "trap.yaml").write_text(
        "version: 1\ntokens:\n  - {id: tok_00000000000bait1, sha256: " + "ab" * 32 + ", canary: true, roles: [shop.reader]}\n"
    )
    refused = shop.run("catalog", "apply", "trap.yaml", ok=1)
    assert "trap.yaml:3:" in refused.stderr and "a canary has no owner and no rights" in refused.stderr


def test_many_are_made_from_a_file(shop):
    made = shop.run("token", "create", "--file", "-", "--quiet", stdin='{"name": "a", "canary": true}\n{"name": "b"}\n').stdout.split()
    assert len(made) == 2
    assert [token["name"] for token in shop.json("token", "list", "--state", "canary")] == ["a"]
