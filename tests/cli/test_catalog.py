"""Declared catalogs: all of a file or nothing of it, and a second time nothing at all."""

import hashlib

import pytest
from conftest import CATALOG, TOKEN


def everything(shop):
    kinds = ("permission", "role", "group", "license", "user", "token")
    return {kind: shop.json(kind, "list") for kind in kinds}


def test_all_of_a_file_is_in_the_store(shop):
    roles = {role["id"]: role["permissions"] for role in shop.json("role", "list")}
    assert roles["shop.reader"] == ["shop.orders.read"]
    assert roles["shop.writer"] == ["shop.orders.read", "shop.orders.write"]
    assert shop.json("permission", "show", "shop.orders.write")["description"] == "Create and change orders"
    pro, site = shop.json("license", "show", "shop.pro"), shop.json("license", "show", "shop.site")
    assert (pro["kind"], pro["max_subjects"], pro["url"]) == ("subject", 25, "https://shop.example/pro")
    assert site["kind"] == "application"
    alice, bob = shop.json("user", "show", "alice"), shop.json("user", "show", "bob")
    assert (alice["name"], alice["roles"], alice["groups"]) == ("Alice", ["shop.reader"], ["staff"])
    assert bob["status"] == "disabled"
    token = shop.json("token", "show", TOKEN)
    assert (token["name"], token["roles"], token["expires"]) == ("declared", ["shop.reader"], "2099-12-31T00:00:00Z")


def test_a_second_time_changes_nothing(shop):
    before, records = everything(shop), shop.json("audit", "list", "--limit", 0)
    report = shop.json("catalog", "apply", "catalog.yaml")
    assert (report["created"], report["updated"]) == ([], [])
    assert report["unchanged"] == 11
    assert everything(shop) == before
    assert shop.json("audit", "list", "--limit", 0) == records
    assert shop.run("catalog", "apply", "catalog.yaml").stdout == "0 created, 0 updated, 11 unchanged\n"


def test_the_difference_is_shown_and_a_dry_run_does_nothing(shop):
    shop.run("group", "create", "by.hand")
    (shop.folder / "catalog.yaml").write_text(
        CATALOG.replace("name: Reader,", "name: Readers,").replace("  - {id: bob, status: disabled}\n", "  - {id: eve, name: Eve}\n")
    )
    before, records = everything(shop), shop.json("audit", "list", "--limit", 0)
    shown = shop.run("catalog", "apply", "catalog.yaml", "--prune", "--dry-run").stdout
    assert shown == (
        '~ role shop.reader\n    name: "Reader" -> "Readers"\n'
        '+ user eve\n    name: "Eve"\n    status: "enabled"\n'
        "- user bob\n"
        "- group by.hand\n"
        "1 created, 1 updated, 2 deleted, 9 unchanged; nothing was done (--dry-run)\n"
    )
    assert everything(shop) == before and shop.json("audit", "list", "--limit", 0) == records
    assert shop.run("catalog", "apply", "catalog.yaml", "--prune").stdout.startswith(shown[: shown.index("1 created")])
    assert "by.hand" not in str(everything(shop)) and "bob" not in str(everything(shop))


def test_what_is_exported_is_what_is_there(shop, empty_store):
    shop.run("token", "create", "--name", "secret \\ \"quoted\"", "--owner", "alice", "--expires", "2098-01-02")
    exported = shop.run("catalog", "export").stdout
    (shop.folder / "exported.yaml").write_text(exported)
    report = shop.json("catalog", "apply", "exported.yaml", "--prune")
    assert (report["created"], report["updated"], report["deleted"]) == ([], [], [])
    shop.run("catalog", "apply", "exported.yaml", "--store", empty_store)
    assert shop.run("catalog", "export", "--store", empty_store).stdout == exported
    assert "pst_" not in exported


@pytest.fixture
def empty_store(tmp_path):
    return tmp_path / "another"


def declare(shop):
    config = shop.folder / "postern.yaml"
    config.write_text(config.read_text().replace("store: store", "store: {directory: store, mode: declared}") + "catalog: catalog.yaml\n")


def test_a_declared_store_is_changed_in_its_file_alone(shop):
    declare(shop)
    before = everything(shop)
    for command in (("group", "create", "x"), ("token", "delete", TOKEN), ("token", "create", "--name", "x"), ("user", "delete", "bob")):
        assert "change the catalog catalog.yaml instead" in shop.refused(*command)
    (shop.folder / "other.yaml").write_text("version: 1\n")
    assert "change the catalog catalog.yaml instead" in shop.refused("catalog", "apply", "other.yaml")
    assert everything(shop) == before
    (shop.folder / "catalog.yaml").write_text("version: 1\ngroups: [only]\n")
    assert len(shop.json("catalog", "apply", "catalog.yaml")["deleted"]) == 11
    assert [group["id"] for group in shop.json("group", "list")] == ["only", "postern.system"]


def test_what_changed_is_updated_and_nothing_is_deleted(shop):
    shop.run("group", "create", "by.hand")
    (shop.folder / "more.yaml").write_text(
        "version: 1\n"
        "permissions: [shop.orders.read, shop.new]\n"
        "roles: [{id: shop.reader, name: Reader, permissions: [shop.orders.read, shop.new]}]\n"
    )
    report = shop.json("catalog", "apply", "more.yaml")
    assert (report["created"], report["updated"]) == (["permission shop.new"], ["role shop.reader"])
    assert (report["deleted"], report["unchanged"], report["dry_run"]) == ([], 1, False)
    assert shop.json("role", "show", "shop.reader")["permissions"] == ["shop.new", "shop.orders.read"]
    assert shop.json("group", "show", "by.hand") and shop.json("user", "show", "alice")


def test_a_license_s_seats_and_state_are_the_operator_s(shop):
    shop.run("license", "update", "shop.pro", "--seats", 7, "--disable")
    shop.run("catalog", "apply", "catalog.yaml")
    license = shop.json("license", "show", "shop.pro")
    assert (license["max_subjects"], license["enabled"]) == (7, False)


def test_a_declared_token_is_found_by_its_hash(shop):
    digest = hashlib.sha256(b"chosen elsewhere, 1 of 2").hexdigest()
    text = f'version: 1\ntokens: [{{name: by hash, sha256: "{digest}", owner: alice, networks: [10.0.0.0/8]}}]\n'
    (shop.folder / "tokens.yaml").write_text(text)
    (created,) = shop.json("catalog", "apply", "tokens.yaml")["created"]
    token = shop.json("token", "show", created.split()[-1])
    assert (token["name"], token["owner"], token["networks"]) == ("by hash", "alice", ["10.0.0.0/8"])
    assert shop.json("catalog", "apply", "tokens.yaml")["unchanged"] == 1
    (shop.folder / "tokens.yaml").write_text(text.replace("by hash", "renamed"))
    assert shop.json("catalog", "apply", "tokens.yaml")["updated"] == [created]


@pytest.mark.parametrize(
    "text, place, told",
    [
        ("", "c.yaml", "the catalog is empty"),
        ("[]", "c.yaml:1:1", "expected a mapping"),
        ("permissions: []", "c.yaml:1:1", '"version" is missing'),
        ("version: 2", "c.yaml:1:10", "version 2 is not supported"),
        ("version: 1\nrole: []", "c.yaml:2:1", 'unknown key "role"; did you mean "roles"?'),
        ("version: 1\nroles: {}", "c.yaml:2:8", '"roles" must be a list'),
        ("version: 1\nroles: [{name: x}]", "c.yaml:2:9", '"id" is missing'),
        ("version: 1\nroles: [{id: A}]", "c.yaml:2:14", '"A" is no id'),
        ("version: 1\nroles: [[a]]", "c.yaml:2:9", ""),
        ("version: 1\nroles: [a, a]", "c.yaml:2:12", 'role "a" is declared twice'),
        ("version: 1\nroles: [{id: a, permission: [b]}]", "c.yaml:2:17", 'did you mean "permissions"?'),
        ("version: 1\nroles: [{id: a, permissions: b}]", "c.yaml:2:30", '"permissions" must be a list'),
        ("version: 1\nroles: [{id: a, permissions: [B]}]", "c.yaml:2:31", '"B" is no id'),
        ("version: 1\nlicenses: [{id: a, kind: seat}]", "c.yaml:2:26", '"seat" is no kind of license'),
        ("version: 1\nlicenses: [{id: a, max_subjects: -1}]", "c.yaml:2:34", "not a whole number"),
        ("version: 1\nlicenses: [{id: a, enabled: yes}]", "c.yaml:2:29", "neither true nor false"),
        ("version: 1\nlicenses: [{id: a, kind: application, max_subjects: 3}]", "c.yaml:2:53", "has no seats"),
        ("version: 1\nusers: [{id: .a}]", "c.yaml:2:14", '".a" is no id'),
        ("version: 1\nusers: [{id: a, status: gone}]", "c.yaml:2:25", '"gone" is no status'),
        ("version: 1\nusers: [{id: a, grants: [x]}]", "c.yaml:2:26", '"x" is no grant'),
        ("version: 1\ntokens: [{name: a}]", "c.yaml:2:10", '"sha256" is missing'),
        ("version: 1\ntokens: [{name: a, sha256: secretsecret}]", "c.yaml:2:28", "a SHA-256 is 64 hex digits"),
        (f"version: 1\ntokens: [{{sha256: {'ab' * 32}, expires: 90d}}]", "c.yaml:2:94", "write a date instead"),
        (f"version: 1\ntokens: [{{sha256: {'ab' * 32}, networks: [10.1.0.0/8]}}]", "c.yaml:2:96", '"10.0.0.0/8"'),
        (f"version: 1\ntokens: [{{sha256: {'ab' * 32}, owner: a, roles: [b]}}]", "c.yaml:2:92", "none of its own"),
        (f"version: 1\ntokens: [{{sha256: {'ab' * 32}}}, {{sha256: {'AB' * 32}}}]", "c.yaml:2:95", "declared twice"),
    ],
)
def test_a_mistake_is_told_with_its_place(shop, text, place, told):
    (shop.folder / "c.yaml").write_text(text)
    before = everything(shop)
    complaint = shop.run("catalog", "apply", "c.yaml", ok=1).stderr
    assert f"{place}: " in complaint and told in complaint
    assert "secretsecret: " not in complaint
    assert everything(shop) == before


def test_all_mistakes_are_told_at_once(shop):
    (shop.folder / "c.yaml").write_text(
        CATALOG.replace("shop.orders.write,", "Shop,").replace("kind: application", "kind: app").replace("status:", "state:")
    )
    complaint = shop.run("catalog", "apply", "c.yaml", ok=1).stderr
    assert complaint.count("c.yaml:") == 3


def test_ids_that_nobody_knows_are_refused_as_a_whole(shop):
    (shop.folder / "c.yaml").write_text("version: 1\ngroups: [new]\nusers: [{id: eve, roles: [shop.raeder]}]\n")
    before = everything(shop)
    assert "shop.raeder" in shop.refused("catalog", "apply", "c.yaml")
    assert everything(shop) == before


def test_a_file_that_is_not_there(shop):
    assert "none.yaml" in shop.run("catalog", "apply", "none.yaml", ok=1).stderr


def test_an_id_that_a_look_made_up_is_not_shown(shop):
    digest = hashlib.sha256(b"chosen-elsewhere-1f2e3d4c5b").hexdigest()
    (shop.folder / "more.yaml").write_text(f"version: 1\ntokens:\n  - {{name: more, sha256: {digest}}}\n")
    assert "+ token (a new id)\n" in shop.run("catalog", "apply", "more.yaml", "--dry-run").stdout
    assert shop.json("catalog", "apply", "more.yaml", "--dry-run")["created"] == ["token (a new id)"]
    assert "+ token (a new id)\n" in shop.run("catalog", "apply", "more.yaml").stdout
    (more,) = [token for token in shop.json("token", "list") if token["name"] == "more"]
    assert more["imported"]


def test_a_declared_secret_that_was_rotated_away_does_not_come_back(shop):
    """However often it was rotated since: only so many old secrets are remembered."""
    secret = "chosen-elsewhere-1f2e3d4c5b"
    digest = hashlib.sha256(secret.encode()).hexdigest()
    declared = "tok_0000declared0000"
    (shop.folder / "more.yaml").write_text(
        f"version: 1\ntokens:\n  - {{id: {declared}, name: named, sha256: {digest}}}\n"
    )
    shop.run("catalog", "apply", "more.yaml")
    shop.run("token", "verify", stdin=secret)
    for _ in range(66):
        fresh = shop.run("token", "rotate", declared, "--quiet").stdout
    shop.run("catalog", "apply", "more.yaml")
    assert "rotated" in shop.run("token", "verify", stdin=secret, ok=1).stdout
    shop.run("token", "verify", stdin=fresh)
