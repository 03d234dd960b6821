"""A catalog under a running server, and a store that is its catalog and nothing else."""

import hashlib
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
