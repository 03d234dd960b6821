"""Secrets that turned up somewhere: what they are, where they are, and an end to them."""

import json
import os
import subprocess

import pytest
from conftest import BINARY


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
    assert shop.json("token", "scan", "leak.txt", "policy.yaml")["files"] == 2
    assert "no such file" in shop.refused("token", "scan", "nowhere")


def test_scan_revokes_what_would_come_to_pass(shop):
    """By itself, or when somebody enables its owner."""
    later, first = made(shop, "later", "--not-before", "2099-01-01")
    owned, second = made(shop, "owned", "--owner", "bob")
    assert shop.json("user", "show", "bob")["status"] == "disabled"
    (shop.folder / "leak.txt").write_text(f"{first}\n{second}\n")
    assert shop.json("token", "scan", "leak.txt", ok=1)["live"] == 2
    assert shop.json("token", "scan", "leak.txt", "--revoke")["revoked"] == 2
    assert {shop.json("token", "show", token)["enabled"] for token in (later, owned)} == {False}


@pytest.mark.parametrize("name", [b"a\nb", b"\xe9.txt", b"x" * 250])
def test_no_name_of_a_file_keeps_a_token_from_being_revoked(shop, name):
    token, secret = made(shop, "live")
    folder = os.fsencode(shop.folder / "leaks")
    os.mkdir(folder)
    with open(os.path.join(folder, name), "w") as file:
        file.write(secret)
    done = shop.run("token", "scan", "leaks", "--revoke")
    assert len(done.stdout.splitlines()) == 2 and "1 disabled" in done.stdout
    assert shop.json("token", "show", token)["state"] == "disabled"


def test_the_last_administrator_is_revoked_by_force_alone(shop):
    token, secret = made(shop, "root", "--role", "postern.admin")
    for other in shop.json("token", "list", "--role", "postern.admin"):
        if other["id"] != token:
            shop.run("token", "delete", other["id"])
    (shop.folder / "leak.txt").write_text(secret)
    assert "--force" in shop.run("token", "scan", "leak.txt", "--revoke", ok=1).stderr
    assert shop.json("token", "scan", "leak.txt", "--revoke", "--force")["revoked"] == 1


def test_a_folder_that_may_not_be_looked_into_is_not_clean(shop):
    token, secret = made(shop, "live")
    closed = shop.folder / "tree/closed"
    closed.mkdir(parents=True)
    (closed / "leak.txt").write_text(secret)
    (shop.folder / "tree/other.txt").write_text("nothing")
    closed.chmod(0)
    try:
        # Root may look everywhere, unless it is made to give that up.
        under = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
        done = subprocess.run([*under, BINARY, "token", "scan", "tree"], cwd=shop.folder, env=shop.environment(), capture_output=True, text=True)
    finally:
        closed.chmod(0o700)
    assert done.returncode == 1 and "tree/closed: Permission denied" in done.stderr and "1 files" in done.stdout
    assert token in shop.run("token", "scan", "tree", ok=1).stdout


def test_secrets_of_an_earlier_prefix_are_found(shop):
    token = json.loads(shop.run("token", "create", "--name", "old", "--json", environment={"POSTERN_TOKEN_PREFIX": "old_"}).stdout)
    assert token["secret"].startswith("old_")
    (shop.folder / "leak.txt").write_text(f"{token['secret']}\n{made(shop, 'new')[1]}\n")
    found = shop.json("token", "scan", "leak.txt", ok=1)
    assert [one["place"] for one in found["secrets"]] == ["leak.txt:1", "leak.txt:2"] and found["live"] == 2


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
