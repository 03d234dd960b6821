"""Finding tokens: by what they are called, whose they are, what they have, and when they end."""

import json
import time

import pytest
from conftest import TOKEN


@pytest.fixture
def crowd(shop):
    """Tokens of every sort, by name."""
    made = {
        "ci-linux": ["--role", "shop.reader", "--expires", "10d"],
        "CI-mac": ["--role", "shop.writer", "--expires", "20d"],
        "laptop": ["--owner", "alice", "--expires", "40d"],
        "phone": ["--owner", "alice"],
        "bobs": ["--owner", "bob"],
        "direct": ["--permission", "shop.invoices.read", "--group", "staff"],
        "granted": ["--grant", "shop.invoices.read=invoice/7", "--license", "shop.pro"],
        "off": ["--disabled"],
        "later": ["--not-before", "2098-01-01"],
    }
    shop.ids = {name: shop.json("token", "create", "--name", name, *words)["id"] for name, words in made.items()}
    shop.ids["declared"] = TOKEN
    return shop


def names(shop, *words, ok=0):
    return sorted(token["name"] for token in json.loads(shop.run("token", "list", *words, "--json", ok=ok).stdout))


@pytest.mark.parametrize(
    "words, expected",
    [
        ("--name ci-", ["CI-mac", "ci-linux"]),
        ("--name LAPTOP", ["laptop"]),
        ("--name nothing", []),
        ("--owner alice", ["laptop", "phone"]),
        ("--owner bob", ["bobs"]),
        ("--role shop.reader", ["ci-linux", "declared", "laptop", "phone"]),
        ("--role shop.writer", ["CI-mac"]),
        ("--group staff", ["direct", "laptop", "phone"]),
        ("--license shop.pro", ["granted"]),
        ("--permission shop.orders.read", ["CI-mac", "ci-linux", "declared", "laptop", "phone"]),
        ("--permission shop.orders.write", ["CI-mac"]),
        ("--permission shop.invoices.read", ["direct", "granted"]),
        ("--state disabled", ["off"]),
        ("--state owner_disabled", ["bobs"]),
        ("--state not_yet_valid", ["later"]),
        ("--owner alice --name pho", ["phone"]),
        ("--role shop.reader --owner alice --name lap", ["laptop"]),
        ("--role shop.writer --owner alice", []),
    ],
)
def test_each_condition_and_several_at_once(crowd, words, expected):
    assert names(crowd, *words.split()) == sorted(expected)


def test_what_is_asked_for_must_exist(crowd):
    for option in ("--owner", "--role", "--group", "--permission", "--license"):
        assert "there is no " in crowd.refused("token", "list", option, "nobody")
    crowd.refused("token", "list", "--state", "happy", code=2)
    crowd.refused("token", "list", "--sort", "color", code=2)
    crowd.refused("token", "list", "--expiring", "soon", code=2)


def test_expiring_tells_cron_by_its_exit_code(crowd):
    assert names(crowd, "--expiring", "5d", ok=0) == []
    assert names(crowd, "--expiring", "15d", ok=3) == ["ci-linux"]
    assert names(crowd, "--expiring", "30d", ok=3) == ["CI-mac", "ci-linux"]
    assert names(crowd, "--expiring", "30d", "--owner", "alice", ok=0) == []
    assert names(crowd, "--expiring", "60d", "--owner", "alice", ok=3) == ["laptop"]
    assert "ci-linux" in crowd.run("token", "list", "--expiring", "15d", ok=3).stdout


def test_what_has_expired_is_not_expiring(crowd):
    crowd.run("token", "create", "--name", "short", "--expires", "1s")
    deadline = time.monotonic() + 30
    while names(crowd, "--state", "expired") != ["short"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert names(crowd, "--expiring", "5d", ok=0) == []


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("order", ["id", "name", "created", "expires"])
def test_pages_in_each_order_hold_everything_once(crowd, order, reverse):
    words = ["--sort", order] + ["--reverse"] * reverse
    every = json.loads(crowd.run("token", "list", "--limit", 0, *words, "--json").stdout)

    def key(token):
        if order == "expires":
            return (token["expires"] or "9999", token["id"])
        return (token[order], token["id"])

    assert every == sorted(every, key=key, reverse=reverse) and len(every) == 10
    seen, after = [], []
    while True:
        page = json.loads(crowd.run("token", "list", "--limit", 3, *words, *after, "--json").stdout)
        seen += page
        if len(page) < 3:
            break
        after = ["--after", page[-1]["id"]]
    assert seen == every


def test_a_page_after_a_token_that_is_gone_says_so(crowd):
    gone = crowd.ids["phone"]
    crowd.run("token", "delete", gone)
    crowd.run("token", "list", "--after", gone)
    assert "begin anew" in crowd.refused("token", "list", "--sort", "name", "--after", gone)


def test_pages_of_a_condition_go_on_where_they_ended(crowd):
    words = ["--role", "shop.reader"]
    every = [token["id"] for token in crowd.json("token", "list", *words)]
    assert len(every) == 4 and every == sorted(every)
    first = crowd.run("token", "list", *words, "--limit", 2)
    assert f"--after {every[1]}" in first.stderr
    assert [t["id"] for t in crowd.json("token", "list", *words, "--after", every[1])] == every[2:]
