"""Tokens: made, looked at, rotated, switched off and deleted; the secret shown once and never again."""

import hashlib
import json
import os
import re
import subprocess
import time

import pytest
from conftest import BINARY, PATIENCE, TOKEN

SECRET = re.compile(r"\bpst_[0-9A-Za-z]{38}\b")
ID = re.compile(r"\btok_[0-9A-Za-z]{16}\b")


def test_create_shows_id_and_secret_and_says_that_it_is_the_only_time(shop):
    told = shop.run("token", "create", "--name", "ci", "--role", "shop.reader").stdout
    assert re.search(r"^id: +tok_\w{16}$", told, re.M)
    assert re.search(r"^name: +ci$", told, re.M)
    assert re.search(r"^secret: +pst_\w{38}$", told, re.M)
    assert "only time" in told


def test_quiet_is_the_secret_and_nothing_else(shop):
    assert SECRET.fullmatch(shop.run("token", "create", "--name", "x", "--quiet").stdout.rstrip("\n"))


def test_json_is_one_object_with_the_secret(shop):
    token = shop.json(
        "token", "create", "--name", 'a "b" Å', "--description", "d", "--group", "staff", "--role", "shop.reader,shop.writer",
        "--permission", "shop.orders.read", "--permission", "shop.invoices.read", "--license", "shop.pro",
        "--grant", "shop.orders.write=order/42", "--grant", "shop.orders.write=order/4,2",
        "--expires", "2099-12-31", "--not-before", "2026-01-01T12:00:00+02:00",
        "--cidr", "10.0.0.0/8", "--cidr", "2001:db8::/32", "--disabled",
    )  # fmt: skip
    assert SECRET.fullmatch(token.pop("secret")) and ID.fullmatch(token["id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", token.pop("created"))
    shown = shop.json("token", "show", token["id"])
    assert "secret" not in shown and shown.pop("created")
    assert [shown.pop(key) for key in ("first_used", "last_used", "last_client", "uses")] == [None, None, None, 0]
    assert token == shown == {
        "id": token["id"], "name": 'a "b" Å', "description": "d", "state": "disabled", "enabled": False,
        "rotated": None, "not_before": "2026-01-01T10:00:00Z", "expires": "2099-12-31T00:00:00Z",
        "imported": False, "canary": False, "owner": None, "networks": ["10.0.0.0/8", "2001:db8::/32"], "groups": ["staff"],
        "roles": ["shop.reader", "shop.writer"], "permissions": ["shop.invoices.read", "shop.orders.read"],
        "licenses": ["shop.pro"], "grants": ["shop.orders.write=order/4,2", "shop.orders.write=order/42"],
    }  # fmt: skip


@pytest.mark.parametrize("given, seconds", [("90d", 90 * 86400), ("24h", 86400), ("1h30m", 5400)])
def test_expires_may_be_a_duration(shop, given, seconds):
    token = shop.json("token", "create", "--expires", given)
    end = time.mktime(time.strptime(token["expires"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
    assert abs(end - time.time() - seconds) < PATIENCE


def test_expires_never_is_no_end(shop):
    assert shop.json("token", "create", "--expires", "never")["expires"] is None


@pytest.mark.parametrize(
    "words",
    [
        "--role shop.raeder",
        "--permission nothing.like.it",
        "--group nobody",
        "--license shop.none",
        "--owner mallory",
        "--grant nothing.like.it=a/1",
        "--role NOT_AN_ID",
        "--name \x07",
    ],
)
def test_create_refuses_what_does_not_exist_or_cannot_be(shop, words):
    before = shop.json("token", "list")
    option, value = words.split(" ", 1)
    shop.refused("token", "create", option, value)
    assert shop.json("token", "list") == before


def test_a_secret_that_cannot_be_written_is_said_to_be_lost(shop):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [BINARY, "token", "create", "--name", "lost"], stdout=full, stderr=subprocess.PIPE, text=True,
            env=shop.environment(), cwd=shop.folder,
        )  # fmt: skip
    (token,) = [token for token in shop.json("token", "list") if token["name"] == "lost"]
    assert done.returncode == 1
    assert f"the secret of {token['id']} could not be written (No space left on device) and is lost" in done.stderr
    assert f"postern token rotate {token['id']}" in done.stderr
    assert not SECRET.search(done.stderr)


def test_a_reader_that_went_away_loses_the_secret_too(shop):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [BINARY, "token", "rotate", TOKEN], stdout=writing, stderr=subprocess.PIPE, text=True,
        env=shop.environment(), cwd=shop.folder,
    )  # fmt: skip
    os.close(writing)
    assert done.returncode == 1
    assert f"the secret of {TOKEN} could not be written (Broken pipe) and is lost" in done.stderr


def test_list_tells_the_state_of_each(shop):
    shop.run("user", "create", "carol")
    made = {
        "valid": ["--name", "valid"],
        "expired": ["--name", "expired", "--expires", "2026-01-01"],
        "not_yet_valid": ["--name", "not_yet_valid", "--not-before", "2099-01-01"],
        "disabled": ["--name", "disabled", "--disabled"],
        "owner_disabled": ["--name", "owner_disabled", "--owner", "bob"],
    }
    made_now = {name: shop.run("token", "create", *words, ok=None) for name, words in made.items()}
    states = {token["name"]: token["state"] for token in shop.json("token", "list")}
    for name, done in made_now.items():
        if done.returncode == 0:  # a store may refuse to make a token that has expired already
            assert states[name] == name
    assert {"valid", "not_yet_valid", "disabled", "owner_disabled"} <= set(states.values())
    table = shop.run("token", "list").stdout
    assert table.splitlines()[0].split() == ["ID", "NAME", "STATE", "OWNER", "EXPIRES"]
    assert re.search(r"not_yet_valid +not yet valid +- ", table)


def test_list_goes_by_pages(shop):
    for number in range(7):
        shop.run("token", "create", "--name", f"n{number}", "--quiet")
    every = [token["id"] for token in shop.json("token", "list", "--limit", 0)]
    assert len(every) == 8 and every == sorted(every)
    seen, after = [], []
    while True:
        done = shop.run("token", "list", "--limit", 3, *after, "--json")
        page = [token["id"] for token in json.loads(done.stdout)]
        seen += page
        if "there are more" not in done.stderr:
            break
        assert f"--after {page[-1]}" in done.stderr
        after = ["--after", page[-1]]
    assert seen == every


def test_rotate_keeps_everything_but_the_secret(shop):
    made = shop.json("token", "create", "--name", "r", "--role", "shop.reader", "--expires", "2099-01-01")
    rotated = shop.json("token", "rotate", made["id"])
    assert SECRET.fullmatch(rotated["secret"]) and rotated["secret"] != made["secret"]
    assert rotated["rotated"] and not made["rotated"]
    for key in ("secret", "rotated"):
        made.pop(key), rotated.pop(key)
    assert made == rotated


def test_rotate_may_set_a_new_end_and_a_grace(shop):
    made = shop.json("token", "create")
    rotated = shop.json("token", "rotate", made["id"], "--grace", "24h", "--expires", "2099-06-01")
    assert rotated["expires"] == "2099-06-01T00:00:00Z"
    assert SECRET.fullmatch(shop.run("token", "rotate", made["id"], "--quiet").stdout.rstrip("\n"))


def test_disable_enable_delete(shop):
    told = shop.run("token", "disable", TOKEN, "--reason", "laptop stolen").stdout
    assert told == f"disabled token {TOKEN}\n"
    assert shop.json("token", "show", TOKEN)["state"] == "disabled"
    assert shop.json("token", "enable", TOKEN)["state"] == "valid"
    assert shop.json("token", "delete", TOKEN) == {"id": TOKEN, "deleted": True}
    assert TOKEN in shop.refused("token", "show", TOKEN)
    last = shop.json("audit", "list", "--limit", 0)[-3:]
    assert [record["target"] for record in last] == [TOKEN] * 3
    assert last[0]["reason"] == "laptop stolen"


@pytest.mark.parametrize("verb", ["show", "rotate", "enable", "disable", "delete"])
@pytest.mark.parametrize("token", ["tok_0000000000000000", "tok_short", "alice"])
def test_what_does_not_exist_is_refused(shop, verb, token):
    shop.refused("token", verb, token)


def test_no_secret_and_no_hash_is_ever_listed(shop):
    secret = shop.run("token", "create", "--name", "x", "--quiet").stdout.strip()
    digest = hashlib.sha256(secret.encode()).hexdigest()
    for words in ("token list", "token list --json", "audit list", "audit list --json", "store verify --json"):
        told = shop.run(*words.split()).stdout
        assert secret not in told and digest not in told and secret[8:24] not in told
