"""Secrets chosen elsewhere: all of a file is judged, with line numbers and without the secrets, before any is stored."""

import os
import time

import pytest
from conftest import secrets


def names(shop):
    return sorted(token["name"] for token in shop.json("token", "list", "--limit", 0))


def test_a_file_is_imported(shop):
    assert shop.run("token", "import", "tokens.txt", "--role", "shop.reader", "--expires", "2099-01-01").stdout == "imported 3 tokens\n"
    imported = [token for token in shop.json("token", "list") if token["name"] != "declared"]
    assert all(token["imported"] for token in imported)
    assert sorted(token["name"] for token in imported) == ["import 0", "import 1", "import 2"]
    assert all(token["roles"] == ["shop.reader"] and token["expires"] == "2099-01-01T00:00:00Z" for token in imported)


def test_from_standard_input(shop):
    one, two = secrets(2, seed=2)
    text = f"\n# comment\n{one}\ttab and blanks  \r\n{two} last line without an end"
    assert shop.json("token", "import", "-", "--owner", "alice", stdin=text) == {"imported": 2}
    assert {"tab and blanks", "last line without an end"} <= set(names(shop))
    assert {token["owner"] for token in shop.json("token", "list") if token["name"] != "declared"} == {"alice"}


def test_an_empty_file_imports_nothing(shop):
    assert shop.json("token", "import", "-", stdin="# nothing\n\n") == {"imported": 0}


def test_all_flaws_are_told_with_their_lines_and_nothing_is_imported(shop):
    good, twice, nameless, known = secrets(4, seed=3)
    shop.run("token", "import", "-", stdin=f"{known} known\n")
    before = names(shop)
    lines = [
        f"{good} good",
        "# comment",
        "tooshort one",
        "aaaaaaaaaaaaaaaaaaaaaaaa monotonous",
        f"{twice} twice",
        f"{twice} again",
        nameless,
        f" {nameless} indented",
        f"{known} known",
        "pst_0123456789abcdefghijABCDEFGHIJ0123456789 checksum",
        f"{good[:20]}!{good[20:]} no-token68",
    ]
    complaint = shop.run("token", "import", "-", "--role", "shop.reader", stdin="\n".join(lines), ok=1).stderr
    told = [int(line.split(":")[1]) for line in complaint.splitlines() if line.startswith("standard input:")]
    assert told == [3, 4, 6, 7, 8, 9, 10, 11]
    assert "the same secret as in line 5" in complaint
    assert "already in the store" in complaint
    assert "nothing was imported" in complaint
    for secret in (good, twice, nameless, known, "tooshort", "aaaaaaaa", "0123456789abcdef"):
        assert secret not in complaint
    assert names(shop) == before


@pytest.mark.parametrize("words", ["--role shop.raeder", "--permission none", "--owner mallory", "--group none"])
def test_unknown_rights_import_nothing(shop, words):
    before = names(shop)
    assert "nothing was imported" in shop.refused("token", "import", "tokens.txt", *words.split())
    assert names(shop) == before


def test_a_file_that_is_not_there(shop):
    assert "nowhere.txt: No such file" in shop.refused("token", "import", "nowhere.txt")
    shop.refused("token", "import", ".")


def test_a_rotated_secret_is_known_too(shop):
    (secret,) = secrets(1, seed=4)
    shop.run("token", "import", "-", stdin=f"{secret} rotated\n")
    (token,) = [token for token in shop.json("token", "list") if token["name"] == "rotated"]
    shop.run("token", "rotate", token["id"])
    assert "already in the store" in shop.run("token", "import", "-", stdin=f"{secret} again\n", ok=1).stderr


@pytest.mark.parametrize("count, transactions", [(2500, 1), (10_000, 1), (10_001, 11)])
def test_up_to_ten_thousand_are_one_transaction_and_more_go_by_the_thousand(shop, count, transactions):
    text = "".join(f"{secret} n{number}\n" for number, secret in enumerate(secrets(count, seed=5)))
    before = len(shop.json("audit", "list", "--limit", 0))
    assert shop.json("token", "import", "-", "--role", "shop.reader", stdin=text) == {"imported": count}
    records = shop.json("audit", "list", "--limit", 0)[before:]
    assert len(records) == transactions
    assert len(names(shop)) == count + 1
    assert shop.json("store", "verify")["ok"] is True


def test_an_import_that_was_cut_short_is_gone_on_with(shop):
    lines = [f"{secret} n{number}\n" for number, secret in enumerate(secrets(20, seed=8))]
    shop.run("token", "import", "-", stdin="".join(lines[3:9]))
    assert "already in the store" in shop.run("token", "import", "-", stdin="".join(lines), ok=1).stderr
    assert shop.json("token", "import", "-", "--resume", stdin="".join(lines)) == {"imported": 14}
    assert shop.json("token", "import", "-", "--resume", stdin="".join(lines)) == {"imported": 0}
    assert names(shop) == sorted(["declared", *(f"n{number}" for number in range(20))])


def test_a_dry_run_stores_nothing(shop):
    assert shop.json("token", "import", "tokens.txt", "--dry-run") == {"imported": 3, "dry_run": True}
    assert "there is no role" in shop.refused("token", "import", "tokens.txt", "--role", "shop.none", "--dry-run")
    assert names(shop) == ["declared"]


def test_each_secret_stays_with_its_name(shop):
    chosen = secrets(50, seed=9)
    shop.run("token", "import", "-", stdin="".join(f"{secret} n{number}\n" for number, secret in enumerate(chosen)))
    for number in (0, 17, 49):
        again = shop.run("token", "import", "-", stdin=f"{chosen[number]} x\n", ok=1).stderr
        (token,) = [token for token in shop.json("token", "list") if token["name"] == f"n{number}"]
        assert f"as that of {token['id']}" in again


def test_a_hundred_thousand_take_less_than_ten_seconds(shop):
    text = "".join(f"{secret} n{number}\n" for number, secret in enumerate(secrets(100_000, seed=6)))
    (shop.folder / "many.txt").write_text(text)
    begin = time.monotonic()
    assert shop.json("token", "import", "many.txt", "--role", "shop.reader") == {"imported": 100_000}
    took = time.monotonic() - begin
    assert took < 10 * (20 if os.environ.get("POSTERN_SANITIZED") else 1), took
