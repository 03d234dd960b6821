"""Stores of every format there has been are read: each lies here as that version made it, with what it declares."""

import json
import tarfile
from pathlib import Path

import pytest

STORES = Path(__file__).parent / "stores"


@pytest.mark.parametrize("kept", sorted(STORES.glob("*.tar.gz")), ids=lambda path: path.name.split(".")[0])
def test_a_store_of_this_format_is_read(empty, kept):
    empty.store.mkdir()
    with tarfile.open(kept) as archive:
        archive.extractall(empty.store)
    (empty.store / "postern.store").chmod(0o700)
    report = empty.json("store", "verify")
    assert report["ok"] is True and report["problems"] == []
    assert empty.run("catalog", "export").stdout == kept.with_name(kept.name.replace(".tar.gz", ".yaml")).read_text()
    known = json.loads(empty.run("token", "verify", "--json", stdin="chosen-elsewhere-1f2e3d4c5b\n").stdout)
    assert known["live"] is True
    old = json.loads(empty.run("token", "verify", "--json", stdin="another-secret-9a8b7c6d5e\n", ok=1).stdout)
    assert old["state"] == "rotated"
    empty.run("group", "create", "written.to")
    assert empty.json("store", "verify")["ok"] is True
