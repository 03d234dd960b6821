"""A catalog under a running server, and a store that is its catalog and nothing else."""

import hashlib
import json
import shutil

import pytest

from server import CATALOG, Failed, until

SECRET = "chosen-elsewhere-1f2e3d4c5b"


def declaring(*, role="test.reader", extra=""):
    digest = hashlib.sha256(SECRET.encode()).hexdigest()
    return CATALOG + f'tokens:\n  - {{name: declared, sha256: "{digest}", roles: [{role}]}}\n{extra}'


def with_catalog(guard, text, *, mode="managed", **options):
    postern = guard(begin=False, **options)
    file = postern.folder / "catalog.yaml"
    file.write_text(text)
    postern.write_config(catalog=str(file), store={"directory": str(postern.store.directory), "mode": mode})
    return postern, file


def status(postern, target, secret=SECRET):
    return postern.ask(target=target, token=secret).status


def test_a_changed_catalog_is_applied_under_a_running_server(guard, tokens):
    postern, file = with_catalog(guard, CATALOG)
    postern.start()
    assert status(postern, "/read") == 401
    file.write_text(declaring())
    until(lambda: status(postern, "/read") == 200, "the declared token")
    assert status(postern, "/write") == 403
    file.write_text(declaring(role="test.writer"))
    until(lambda: status(postern, "/write") == 200, "its new role")
    # Nothing is deleted in a managed store: neither what the file no longer names nor what it never named.
    file.write_text(CATALOG)
    postern.wait_for_log(r"0 created, 0 updated")
    assert status(postern, "/write") == 200 and status(postern, "/read", tokens["reader"]) == 200


def test_a_bad_catalog_changes_nothing_and_is_told(guard):
    postern, file = with_catalog(guard, declaring())
    postern.start()
    before = len(postern.log)
    file.write_text(declaring(extra="rolez: []\n"))
    postern.wait_for_log(r"catalog\.yaml:\d+:\d+.*rolez", before)
    assert b"catalog refused" in postern.admin("/readyz").body
    assert postern.admin("/readyz").status == 200
    assert postern.metric("last_catalog_successful") == 0
    assert status(postern, "/read") == 200
    file.write_text(declaring())
    until(lambda: postern.metric("last_catalog_successful") == 1, "the mended catalog")
    assert b"catalog refused" not in postern.admin("/readyz").body


def test_a_catalog_brings_what_a_refused_policy_waited_for(guard):
    postern, file = with_catalog(guard, CATALOG)
    postern.start()
    postern.policy_file.write_text("version: 1\nrules:\n  - {path: /new, permission: test.new}\n")
    postern.wait_for_log(r"unknown permission|test\.new")
    file.write_text(declaring().replace("permissions:\n", "permissions:\n  - test.new\n", 1).replace("[test.reader]", "[test.reader], permissions: [test.new]"))
    until(lambda: status(postern, "/new") == 200, "the policy with the new permission", lambda: postern.log)


def test_a_declared_store_holds_its_catalog_and_nothing_else(guard, tokens):
    postern, file = with_catalog(guard, declaring(), mode="declared")
    postern.start()
    assert status(postern, "/read") == 200
    assert status(postern, "/read", tokens["reader"]) == 401  # made by a command, not declared
    for command in (("token", "create", "--name", "x"), ("role", "delete", "test.reader")):
        refused = postern.store.run(*command, ok=1).stderr
        assert f"change the catalog {file} instead" in refused
    file.write_text(CATALOG)
    until(lambda: status(postern, "/read") == 401, "the end of the token")


def test_a_declared_store_on_an_empty_volume_is_rebuilt_at_start(guard):
    postern, _ = with_catalog(guard, declaring(), mode="declared")
    postern.start()
    assert status(postern, "/read") == 200
    postern.stop()
    shutil.rmtree(postern.store.directory / "postern.store")
    postern.start()
    assert status(postern, "/read") == 200
    assert status(postern, "/write") == 403


def test_a_store_that_is_declared_no_longer_takes_commands_again(guard):
    postern, _ = with_catalog(guard, declaring(), mode="declared")
    postern.start()
    postern.stop()
    assert "declared" in postern.store.run("group", "create", "x", ok=1).stderr
    postern.write_config(store=str(postern.store.directory))
    postern.start()
    postern.store.run("group", "create", "x")
    assert status(postern, "/read") == 200


def test_half_a_catalog_deletes_nothing(guard):
    postern, file = with_catalog(guard, declaring(), mode="declared")
    postern.start()
    token = postern.store.token_id("declared")
    before = len(postern.log)
    with file.open("w") as half:
        half.write("version: 1\n")
        half.flush()
        postern.wait_for_log("catalog.yaml is being written and was not closed yet", before)
        assert status(postern, "/read") == 200
        half.write(declaring(role="test.writer")[len("version: 1\n"):])
    until(lambda: status(postern, "/write") == 200, "the whole catalog")
    assert postern.store.token_id("declared") == token


def test_a_start_that_is_refused_leaves_the_store_as_it_was(guard):
    postern, _ = with_catalog(guard, "version: 1\nroles: 7\n", mode="declared")
    with pytest.raises(Failed, match="roles"):
        postern.start()
    postern.store.run("group", "create", "still.managed")


LICENSED = """\
licenses:
  - {{id: test.seats, kind: subject, max_subjects: {seats}, enabled: {enabled}}}
users:
  - {{id: anna, name: Anna, status: {status}, licenses: [test.seats]}}
  - {{id: bert, name: Bert{more}}}
"""


def test_in_a_declared_store_the_file_says_what_is_in_use(guard):
    """Nothing else can: commands are refused. Also fewer seats, in the same breath in which somebody gives theirs up."""
    def text(**values):
        return "version: 1\n" + LICENSED.format(**{"seats": 2, "enabled": "true", "status": "enabled", "more": ", licenses: [test.seats]", **values})

    policy = "version: 1\nrules:\n  - {path: /open, allow: anonymous}\n"
    postern, file = with_catalog(guard, text(enabled="false", status="disabled"), mode="declared", policy=policy)
    postern.start()

    def told():
        license, = [one for one in json.loads(postern.store.run("license", "list", "--json").stdout) if one["id"] == "test.seats"]
        user, = [one for one in json.loads(postern.store.run("user", "list", "--json").stdout) if one["id"] == "anna"]
        return license["enabled"], license["max_subjects"], user["status"]

    assert told() == (False, 2, "disabled")
    file.write_text(text())
    until(lambda: told() == (True, 2, "enabled"), "what was out of use is in use", lambda: str(told()))
    file.write_text(text(seats=1, more=""))
    until(lambda: told() == (True, 1, "enabled"), "fewer seats", lambda: str(told()))
    file.write_text(text(enabled="false", seats=9))
    until(lambda: told() == (False, 9, "enabled"), "out of use again", lambda: str(told()))
    assert postern.store.run("catalog", "apply", file, "--dry-run").stdout.startswith("0 created, 0 updated, 0 deleted")


def test_a_catalog_with_a_byte_order_mark_is_applied_once(guard):
    postern, file = with_catalog(guard, "", mode="declared")
    file.write_bytes(b"\xef\xbb\xbf" + declaring().encode())
    postern.start()
    until(lambda: status(postern, "/read") == 200, "the declared token")
    before = len(postern.log)
    postern.policy_file.write_text(postern.policy_file.read_text() + "# a comment\n")
    postern.wait_for_log("reloaded", before)
    assert "unchanged" not in postern.log[before:]
