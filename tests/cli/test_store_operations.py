"""A store as a whole: looked at, copied, put back, packed."""

import json
import os
import stat
import subprocess

import pytest
from conftest import BINARY, CONFIG, Shop
from serving import Serving


def test_info_tells_what_there_is(shop):
    info = shop.json("store", "info")
    assert (info["tokens"], info["users"], info["roles"], info["format"], info["mode"]) == (1, 2, 3, 1, "managed")
    assert info["audit_last"] == len(shop.json("audit", "list", "--limit", 0))
    assert info["audit_hash"] == shop.json("audit", "list", "--limit", 0)[-1]["hash"]
    assert info["processes"] == [] and info["used_bytes"] <= info["file_bytes"] < info["size_bytes"]


def exported(shop, *store):
    return shop.run("catalog", "export", *store).stdout


def test_a_copy_is_a_store_of_its_own(shop):
    before = exported(shop)
    shop.run("store", "backup", "copy")
    place = shop.folder / "copy/postern.store"
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in place.iterdir()} == {"state.mdb": 0o600, "usage.mdb": 0o600}
    shop.run("group", "create", "later")
    assert exported(shop, "--store", "copy") == before
    assert shop.json("store", "verify", "--store", "copy")["ok"]
    assert "already" in shop.refused("store", "backup", "copy")


def test_a_copy_is_put_back_and_what_was_there_is_put_aside(shop):
    before = exported(shop)
    shop.run("store", "backup", "copy")
    shop.run("group", "create", "later")
    assert "--replace puts it aside" in shop.refused("store", "restore", "copy")
    assert "later" in exported(shop)
    answer = shop.json("store", "restore", "copy", "--replace", "--reason", "ticket 8")
    assert exported(shop) == before
    last = shop.json("audit", "list", "--limit", 0)[-1]
    assert (last["action"], last["reason"]) == ("store.restore", "ticket 8")
    assert shop.json("store", "verify")["ok"]
    (shop.folder / "aside").mkdir()
    (shop.store.parent / answer["aside"]).rename(shop.folder / "aside/postern.store")
    assert "later" in exported(shop, "--store", "aside")


def test_a_copy_is_restored_where_nothing_is(shop):
    before = exported(shop)
    shop.run("store", "backup", "copy")
    shop.run("store", "restore", "copy", "--store", "fresh")
    assert exported(shop, "--store", "fresh") == before


def test_a_damaged_copy_is_not_put_in_place(shop):
    shop.run("group", "create", "g", "--reason", "an innocent reason")
    shop.run("store", "backup", "copy")
    state = shop.folder / "copy/postern.store/state.mdb"
    state.write_bytes(state.read_bytes().replace(b"an innocent reason", b"an unlikely reason"))
    before = shop.json("store", "info")
    assert "is damaged" in shop.refused("store", "restore", "copy", "--replace")
    assert shop.json("store", "info") == before


def test_packing_gives_pages_back_and_changes_nothing_else(shop):
    lines = "\n".join(f"some-old-secret-{number:08d}x7Qz {number}" for number in range(2000))
    (shop.folder / "many.txt").write_text(lines + "\n")
    shop.run("token", "import", "many.txt")
    shop.run("catalog", "apply", "catalog.yaml", "--prune")
    before = exported(shop)
    done = shop.json("store", "compact")
    assert done["bytes_after"] < done["bytes_before"]
    assert exported(shop) == before
    assert shop.json("store", "verify")["ok"]
    assert shop.json("audit", "list", "--limit", 0)[-1]["action"] == "store.compact"
    assert [path.name for path in shop.store.iterdir()] == ["postern.store"]


def test_a_store_in_use_is_copied_but_neither_packed_nor_replaced(shop):
    (shop.folder / "postern.yaml").write_text(CONFIG + "log: {access: 'off'}\n")
    with Serving([BINARY, "run", "--config", "postern.yaml"], cwd=shop.folder, environment=shop.environment()) as serving:
        shop.run("store", "backup", "copy")
        assert shop.json("store", "info")["processes"] == [serving.process.pid]
        for command in (("store", "compact"), ("store", "restore", "copy", "--replace")):
            assert f"in use by process {serving.process.pid}" in shop.refused(*command)
    assert shop.json("store", "compact")["bytes_after"] > 0


@pytest.mark.skipif(os.environ.get("POSTERN_SANITIZED") == "1", reason="a sanitizer does not run under strace")
@pytest.mark.parametrize("fault", ["renameat2:error=ENOSPC:when=1", "renameat2:error=ENOSPC:when=2", "rename:error=ENOSPC:when=1"])
def test_a_replacement_that_fails_half_way_loses_nothing(shop, fault):
    shop.run("store", "backup", "copy")
    shop.run("group", "create", "later")
    before = exported(shop)
    done = subprocess.run(["strace", "-f", "-qq", "-e", "trace=rename,renameat2", "-e", f"inject={fault}", BINARY, "store", "restore", "copy", "--replace"],
                          cwd=shop.folder, env=shop.environment(), capture_output=True, text=True)
    aside = list(shop.folder.glob("store/postern.store.*"))
    if done.returncode != 0:
        assert exported(shop) == before and aside == []
    else:
        (shop.folder / "aside").mkdir()
        aside[0].rename(shop.folder / "aside/postern.store")
        assert exported(shop, "--store", "aside") == before
