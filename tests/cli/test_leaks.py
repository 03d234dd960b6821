"""Secrets that turned up somewhere: what they are, where they are, and an end to them."""

import json
import subprocess

import pytest


def made(shop, name, *options):
    answer = shop.json("token", "create", "--name", name, *options)
    return answer["id"], answer["secret"]


def verdict(shop, secret, code):
    return json.loads(shop.run("token", "verify", "--json", stdin=secret + "\n", ok=code).stdout)


def test_verify_says_what_a_secret_is(shop):
    token, secret = made(shop, "ci", "--expires", "2099-01-01")
    assert verdict(shop, secret, 0) == {
        "form": "ours", "state": "valid", "live": True, "token": token, "name": "ci", "owner": None, "expires": "2099-01-01T00:00:00Z",
    }
    assert verdict(shop, secret[:-1] + ("a" if secret[-1] != "a" else "b"), 1)["form"] == "corrupt"
    unknown = verdict(shop, "chosen-elsewhere-1f2e3d4c5b", 1)
    assert (unknown["form"], unknown["state"], unknown["token"]) == ("foreign", "unknown", None)
    shop.run("token", "disable", token)
    assert (verdict(shop, secret, 1)["state"], verdict(shop, secret, 1)["token"]) == ("disabled", token)
    assert "standard input" in shop.refused("token", "verify", code=2, stdin="\n")


def test_a_token_of_some_networks_is_live(shop):
    _, secret = made(shop, "inner", "--cidr", "10.0.0.0/8")
    assert verdict(shop, secret, 0)["live"] is True


def test_scan_finds_secrets_and_says_which_are_live(shop):
    live, secret = made(shop, "live")
    old, retired = made(shop, "old")
    shop.run("token", "disable", old)
    tree = shop.folder / "tree"
    (tree / "deep").mkdir(parents=True)
    (tree / "deep/config.py").write_text(f"# first\nTOKEN = '{secret}'\nOTHER = '{retired}'\n")
    # Across the pieces in which a file is read, behind bytes of any kind.
    (tree / "large.bin").write_bytes(b"\n" + b"\x00\xff" * ((1 << 19) - 10) + secret.encode() + b"\n")
    (tree / "wrong.txt").write_text(secret[:-1] + "_")
    (tree / "link").symlink_to("deep/config.py")
    (tree / ".git").mkdir()
    (tree / ".git/config").write_text(secret)
    found = shop.json("token", "scan", "tree", ok=1)
    assert {(one["place"], one["token"], one["state"], one["live"]) for one in found["secrets"]} == {
        ("tree/deep/config.py:2", live, "valid", True),
        ("tree/deep/config.py:3", old, "disabled", False),
        ("tree/large.bin:2", live, "valid", True),
    }
    assert (found["files"], found["live"], found["revoked"]) == (3, 1, 0)
    done = shop.run("token", "scan", "tree", ok=1)
    assert secret not in done.stdout + done.stderr and f"{live}, which is live" in done.stdout


def test_scan_revokes_what_it_finds(shop):
    token, secret = made(shop, "live")
    (shop.folder / "leak.txt").write_text(secret)
    assert shop.json("token", "scan", "leak.txt", "--revoke")["revoked"] == 1
    assert shop.json("token", "show", token)["state"] == "disabled"
    last = shop.json("audit", "list", "--limit", 0)[-1]
    assert (last["action"], last["target"], last["reason"]) == ("token.disable", token, "its secret was found in leak.txt:1")
    assert shop.json("token", "scan", "leak.txt")["live"] == 0
    assert "no such file" in shop.refused("token", "scan", "nowhere")


def test_scan_looks_into_the_history_of_git(shop):
    token, secret = made(shop, "live")
    tree = shop.folder / "tree"
    tree.mkdir()

    def git(*words):
        subprocess.run(["git", "-C", tree, "-c", "user.name=x", "-c", "user.email=x@example.org", *words], check=True, capture_output=True)

    git("init")
    (tree / "config").write_text(f"one\n{secret}\n")
    git("add", "config")
    git("commit", "-m", "first")
    (tree / "config").write_text("clean\n")
    git("commit", "-am", "second")
    assert shop.json("token", "scan", "tree")["found"] == 0
    (found,) = shop.json("token", "scan", "tree", "--history", ok=1)["secrets"]
    assert found["token"] == token and found["place"].startswith("git object ") and found["place"].endswith(":2")
    (shop.folder / "plain").mkdir()
    assert "git could not read" in shop.run("token", "scan", "plain", "--history", ok=1).stderr


@pytest.mark.parametrize("word", ["pst_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"])
def test_no_secret_is_taken_from_the_command_line(shop, word):
    assert "verify" in shop.refused("token", "verify", word, code=2)
