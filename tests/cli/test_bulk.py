"""Many tokens at once: from a file or by conditions, all or none, tried out before."""

import json
import os
import pty
import subprocess

import pytest
from conftest import BINARY, PATIENCE, TOKEN, secrets

COUNT = 12


@pytest.fixture
def many(shop):
    shop.ids = sorted(shop.json("token", "create", "--name", f"n{number}")["id"] for number in range(COUNT))
    (shop.folder / "ids.txt").write_text("# chosen\n" + "\n".join(shop.ids) + "\n")
    return shop


def states(shop):
    return {token["id"]: token["state"] for token in shop.json("token", "list", "--limit", 0)}


def test_a_file_of_ids(many):
    assert many.run("token", "disable", "--file", "ids.txt").stdout == f"disabled {COUNT} tokens\n"
    assert {states(many)[id] for id in many.ids} == {"disabled"}
    assert states(many)[TOKEN] == "valid"
    again = many.json("token", "disable", "--file", "ids.txt")
    assert again == {"changed": 0, "unchanged": COUNT, "dry_run": False}
    assert many.json("token", "enable", "--file", "-", stdin="\n".join(many.ids[:3]))["changed"] == 3


def test_the_table_of_a_listing_is_such_a_file(many):
    table = many.run("token", "list", "--name", "n1").stdout
    assert table.startswith("ID ")
    assert many.json("token", "delete", "--file", "-", stdin=table)["changed"] == 3  # n1, n10, n11
    assert len(states(many)) == COUNT + 1 - 3


def test_conditions(many):
    many.run("token", "disable", "--where", "name=n1")
    assert many.json("token", "delete", "--where", "state=disabled", "--where", "name=n11")["changed"] == 1
    assert sorted(states(many).values()).count("disabled") == 2
    changed = many.json("token", "update", "--where", "role=shop.reader", "--add-role", "shop.writer")
    assert changed["changed"] == 1
    assert many.json("token", "show", TOKEN)["roles"] == ["shop.reader", "shop.writer"]


@pytest.mark.parametrize("verb, words", [
    ("disable", []), ("delete", []), ("update", ["--add-role", "shop.writer"]), ("rotate", []),
])  # fmt: skip
def test_a_dry_run_changes_nothing_and_says_what_it_would(many, verb, words):
    before = many.json("token", "list"), many.json("audit", "list")
    tried = many.json("token", verb, "--file", "ids.txt", "--dry-run", *words)
    assert tried == {"changed": COUNT, "unchanged": 0, "dry_run": True, "ids": many.ids}
    assert many.run("token", verb, "--file", "ids.txt", "--dry-run", *words).stdout == f"would {verb} {COUNT} tokens\n"
    assert many.run("token", verb, many.ids[0], "--dry-run", *words).stdout == f"would {verb} 1 token\n"
    assert (many.json("token", "list"), many.json("audit", "list")) == before


def test_one_bad_id_stops_all_of_them(many):
    before = states(many)
    file = many.folder / "ids.txt"
    file.write_text(file.read_text() + "tok_0000000000000000\n")
    for verb in ("disable", "delete", "rotate"):
        told = many.refused("token", verb, "--file", "ids.txt")
        assert "there is no token tok_0000000000000000" in told and "nothing was changed" in told
    file.write_text("\n".join([*many.ids, many.ids[0]]))
    assert f"{many.ids[0]} is named twice" in many.refused("token", "delete", "--file", "ids.txt")
    file.write_text("\n".join([*many.ids, "alice"]))
    assert "ids.txt:13: the line begins with no token id" in many.refused("token", "delete", "--file", "ids.txt")
    assert states(many) == before


def test_seats_are_counted_over_all_of_them(many):
    many.run("license", "update", "shop.pro", "--seats", COUNT - 1)
    before = many.json("token", "list")
    assert "all are taken" in many.refused("token", "update", "--file", "ids.txt", "--add-license", "shop.pro")
    assert many.json("token", "list") == before
    many.run("license", "update", "shop.pro", "--seats", COUNT)
    many.run("token", "update", "--file", "ids.txt", "--add-license", "shop.pro")
    assert many.json("license", "show", "shop.pro")["subjects"] == COUNT


def test_rotating_shows_every_secret_with_its_id(many):
    lines = many.run("token", "rotate", "--file", "ids.txt").stdout.splitlines()
    assert [line.split()[0] for line in lines] == many.ids
    assert len({line.split()[1] for line in lines}) == COUNT
    records = many.json("token", "rotate", "--where", "name=n", "--grace", "1h")
    assert [record["id"] for record in records] == many.ids
    assert all(record["secret"].startswith("pst_") for record in records)
    assert many.json("token", "rotate", "--where", "name=nobody") == []
    quiet = many.run("token", "rotate", "--file", "ids.txt", "--quiet").stdout.split()
    assert len(quiet) == COUNT and all(secret.startswith("pst_") for secret in quiet)


def test_each_token_has_its_line_in_the_log(many):
    many.run("token", "disable", "--file", "ids.txt", "--reason", "leak")
    records = many.json("audit", "list", "--limit", 0)[-COUNT:]
    assert [record["target"] for record in records] == many.ids
    assert {(record["action"], record["reason"]) for record in records} == {("token.disable", "leak")}


def test_going_on_after_an_id(many):
    assert many.json("token", "disable", "--file", "ids.txt", "--after", many.ids[8])["changed"] == COUNT - 9
    assert many.json("token", "disable", "--where", "name=n", "--after", many.ids[5])["changed"] == 3
    many.refused("token", "disable", "--file", "ids.txt", "--after", TOKEN)


@pytest.mark.parametrize("words", [
    [], [TOKEN, "--file", "ids.txt"], [TOKEN, "--where", "name=x"], ["--file", "x", "--where", "name=x"],
    [TOKEN, "--after", TOKEN], ["--where", "nmae=x"], ["--where", "name"], ["--where", "state=odd"],
])  # fmt: skip
def test_words_that_make_no_sense(many, words):
    many.refused("token", "disable", *words, code=2)
    assert "disabled" not in states(many).values()


def test_more_than_one_transaction_holds_are_checked_first_and_go_in_batches(shop):
    count = 10_001
    (shop.folder / "many.jsonl").write_text("".join(f'{{"name": "m{number}"}}\n' for number in range(count)))
    secrets = shop.run("token", "create", "--file", "many.jsonl", "--quiet").stdout.split()
    assert len(set(secrets)) == count
    shop.run("license", "update", "shop.pro", "--seats", count - 1)
    told = shop.refused("token", "update", "--where", "name=m", "--add-license", "shop.pro")
    assert f"{count} more would be" in told and "nothing was changed" in told
    assert shop.json("license", "show", "shop.pro")["subjects"] == 0
    assert shop.json("token", "disable", "--where", "name=m", "--dry-run")["changed"] == count
    assert shop.json("token", "disable", "--where", "name=m")["changed"] == count
    assert shop.json("token", "delete", "--where", "state=disabled")["changed"] == count
    assert [token["id"] for token in shop.json("token", "list")] == [TOKEN]
    assert shop.json("store", "verify")["ok"]


def test_a_user_with_very_many_tokens_is_disabled_first_and_deleted_in_batches(shop):
    count = 10_001
    shop.run("token", "create", "--file", "-", "--owner", "alice", "--quiet", stdin='{"name": "m"}\n' * count)
    before = shop.json("audit", "list", "--limit", 0)[-1]["sequence"]
    shop.run("user", "delete", "alice")
    shop.refused("user", "show", "alice")
    assert [token["id"] for token in shop.json("token", "list")] == [TOKEN]
    actions = [record["action"] for record in shop.json("audit", "list", "--limit", 0, "--after", before)]
    assert actions == ["user.update", *["user.delete_tokens"] * 10, "user.delete"]
    assert shop.json("store", "verify")["ok"]


def test_a_file_of_tokens_is_judged_with_its_lines_before_any_is_made(shop):
    lines = [
        '{"name": "good", "roles": ["shop.reader"], "expires": "90d", "networks": ["10.0.0.0/8"]}',
        "# comment",
        "no json",
        '{"nmae": "x"}',
        '{"expires": "soon"}',
        '{"owner": "alice", "roles": ["shop.reader"]}',
        '{"roles": "shop.reader"}',
        '{"enabled": 1}',
        '{"grants": ["x"]}',
        '{"networks": ["10.0.0.1/8"]}',
    ]
    told = shop.run("token", "create", "--file", "-", stdin="\n".join(lines), ok=1).stderr
    assert [int(line.split(":")[1]) for line in told.splitlines() if line.startswith("standard input:")] == [3, 4, 5, 6, 7, 8, 9, 10]
    assert "did you mean name?" in told and "nothing was made" in told
    assert len(shop.json("token", "list")) == 1
    (made,) = shop.json("token", "create", "--file", "-", "--description", "from a file", stdin=lines[0])
    assert (made["name"], made["roles"], made["networks"], made["description"]) == ("good", ["shop.reader"], ["10.0.0.0/8"], "from a file")
    assert shop.json("token", "create", "--file", "-", "--dry-run", stdin=lines[0]) == {"created": 1, "dry_run": True}
    shop.refused("token", "create", "--file", "-", "--role", "shop.none", stdin='{"name": "x"}')


def test_what_a_listing_prints_can_be_made_again(shop):
    listed = shop.json("token", "list")
    (made,) = shop.json("token", "create", "--file", "-", stdin="\n".join(json.dumps(token) for token in listed))
    same = ("name", "description", "roles", "expires", "networks", "enabled")
    assert {key: made[key] for key in same} == {key: listed[0][key] for key in same} and made["id"] != listed[0]["id"]


def test_a_secret_chosen_elsewhere_for_one_token(shop):
    (secret,) = secrets(1, seed=11)
    (shop.folder / "secret").write_text(secret + "\n")
    made = shop.json("token", "create", "--name", "old", "--role", "shop.reader", "--secret-file", "secret")
    assert made["imported"] and "secret" not in made
    assert "another token has, or once had, this secret" in shop.refused("token", "create", "--secret-file", "secret")
    assert "cannot be imported" in shop.refused("token", "create", "--secret-file", "-", stdin="short")


def test_a_terminal_sees_how_far_it_is(many):
    controlling, terminal = pty.openpty()
    process = subprocess.Popen(
        [BINARY, "token", "disable", "--file", "ids.txt"], stdout=subprocess.PIPE, stderr=terminal,
        env=many.environment(), cwd=many.folder, text=True,
    )  # fmt: skip
    told = process.communicate(timeout=PATIENCE)[0]
    os.close(terminal)
    seen = os.read(controlling, 4096).decode()
    os.close(controlling)
    assert told == f"disabled {COUNT} tokens\n"
    assert f"{COUNT} of {COUNT}" in seen and seen.startswith("\r\x1b[Kdisable [####") and seen.endswith("\r\x1b[K")
