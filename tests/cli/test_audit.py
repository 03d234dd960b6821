"""Who changed what, and whether the store holds together."""

import json
import os
import pwd
import subprocess

import pytest
from conftest import BINARY


def test_every_change_is_listed_with_who_and_why(shop):
    before = shop.json("audit", "list", "--limit", 0)
    shop.run("role", "update", "shop.reader", "--add-permission", "shop.invoices.read", "--reason", "ticket 7")
    (record,) = shop.json("audit", "list", "--after", before[-1]["sequence"])
    assert record["sequence"] == before[-1]["sequence"] + 1
    assert record["actor"] == "os:" + pwd.getpwuid(os.getuid()).pw_name
    assert (record["action"], record["target"], record["reason"]) == ("role.update", "shop.reader", "ticket 7")
    assert isinstance(record["change"], dict) and "shop.invoices.read" in json.dumps(record["change"])
    assert len(record["hash"]) == 64


def test_list_goes_by_pages(shop):
    for number in range(5):
        shop.run("group", "create", f"g{number}")
    every = shop.json("audit", "list", "--limit", 0)
    assert [record["sequence"] for record in every] == list(range(1, len(every) + 1))
    done = shop.run("audit", "list", "--limit", 2, "--json")
    assert json.loads(done.stdout) == every[:2]
    assert "--after 2" in done.stderr
    assert shop.json("audit", "list", "--after", 2, "--limit", 2) == every[2:4]
    assert shop.json("audit", "list", "--after", len(every)) == []
    table = shop.run("audit", "list").stdout.splitlines()
    assert table[0].split() == ["SEQUENCE", "TIME", "ACTOR", "ACTION", "TARGET", "REASON"]
    assert len(table) == len(every) + 1


def test_list_and_export_show_what_is_asked_for(shop):
    shop.run("token", "disable", "tok_4f9Zk2LmQ8xR1bTa", "--reason", "ticket 9")
    every = shop.json("audit", "list", "--limit", 0)
    assert [r["target"] for r in shop.json("audit", "list", "--action", "role.*")] == ["shop.reader", "shop.writer"]
    (disabled,) = shop.json("audit", "list", "--action", "token.disable")
    assert shop.json("audit", "list", "--target", disabled["target"], "--actor", "os:*") == [r for r in every if r["target"] == disabled["target"]]
    assert disabled["change"] == {"before": {"enabled": True}, "after": {"enabled": False}}
    assert shop.json("audit", "list", "--since", "2099-01-01") == []
    assert shop.json("audit", "list", "--until", "2001-01-01") == []
    limited = shop.run("audit", "list", "--action", "role.*", "--limit", 1, "--json")
    assert len(json.loads(limited.stdout)) == 1 and "go on with --after" in limited.stderr
    lines = shop.run("audit", "export").stdout.splitlines()
    assert [json.loads(line) for line in lines] == every
    assert len(shop.run("audit", "export", "--after", every[-2]["sequence"]).stdout.splitlines()) == 1


def test_follow_goes_on_with_what_comes(shop):
    command = [BINARY, "audit", "list", "--follow", "--action", "group.*"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=shop.environment(), cwd=shop.folder) as following:
        try:
            assert "group.create  staff" in following.stdout.readline()
            shop.run("group", "create", "later", "--reason", "to be seen")
            assert following.stdout.readline().rstrip().endswith("group.create  later  (to be seen)")
        finally:
            following.terminate()


def test_old_records_are_dropped_and_the_rest_is_proved(shop):
    count = len(shop.json("audit", "list", "--limit", 0))
    assert shop.json("audit", "drop", "--before", "2001-01-01") == {"dropped": 0}
    assert "future" in shop.refused("audit", "drop", "--before", "90d", code=2)
    assert "missing" in shop.refused("audit", "drop", code=2)
    assert len(shop.json("audit", "list", "--limit", 0)) == count
    assert shop.json("audit", "verify")["ok"]


def test_a_whole_store_verifies(shop):
    last = len(shop.json("audit", "list", "--limit", 0))
    assert shop.run("audit", "verify").stdout == f"the audit log is whole: records 1 to {last}\n"
    assert shop.json("audit", "verify") == {"ok": True, "first": 1, "last": last, "broken": None, "problem": None}
    report = shop.json("store", "verify")
    assert report["ok"] is True and report["problems"] == []
    assert (report["tokens"], report["users"], report["permissions"]) == (1, 2, 3)
    assert report["audit_records"] == last


def test_a_changed_record_is_found(shop):
    """The reason of a record, as somebody with access to the file would change it."""
    shop.run("group", "create", "g", "--reason", "an innocent reason")
    files = [path for path in shop.store.rglob("*") if path.is_file() and b"an innocent reason" in path.read_bytes()]
    assert files
    for path in files:
        path.write_bytes(path.read_bytes().replace(b"an innocent reason", b"an unlikely reason"))
    complaint = shop.refused("audit", "verify")
    assert "the audit log is broken" in complaint
    verdict = shop.json("audit", "verify", ok=1)
    assert verdict["ok"] is False and verdict["broken"] and verdict["problem"]
    report = shop.json("store", "verify", ok=1)
    assert report["ok"] is False and report["problems"]


@pytest.mark.parametrize("words", ["store verify", "audit verify", "audit list"])
def test_no_store_is_a_failure(empty, words):
    empty.refused(*words.split())
