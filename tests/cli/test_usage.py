"""Words that make no sense: exit code 2, what is wrong, and where help is."""

import subprocess

import pytest
from conftest import BINARY


@pytest.mark.parametrize(
    "words, told",
    [
        ("", "a command is missing"),
        ("tokne list", 'unknown command "tokne"; did you mean "token"?'),
        ("chekc", 'unknown command "chekc"; did you mean "check"?'),
        ("xyzzy", 'unknown command "xyzzy"'),
        ("token", "what to do with token is missing"),
        ("token craete", 'unknown token command "craete"; did you mean "create"?'),
        ("license activate", 'unknown license command "activate"'),
        ("token create --nmae x", "unknown option --nmae; did you mean --name?"),
        ("token create --nmae=x", "unknown option --nmae; did you mean --name?"),
        ("token list --xyzzy", "unknown option --xyzzy"),
        ("token show", "ID is missing"),
        ("token show --jsno", "unknown option --jsno; did you mean --json?"),
        ("token show a b", 'unexpected "b"'),
        ("token create --name", "--name"),
        ("token create --name a --name b", "--name"),
        ("token create --expires tomorrow", '--expires: "tomorrow" is none of: 2026-12-31'),
        ("token create --expires 2026-02-30", '--expires: "2026-02-30"'),
        ("token create --cidr 10.0.0.0/33", '--cidr: "10.0.0.0/33" is no network'),
        ("token create --cidr 10.1.0.0/8", 'did you mean "10.0.0.0/8"?'),
        ("token create --grant project.read", '--grant: "project.read" is no grant'),
        ("token create --grant =project/42", '--grant: "=project/42" is no grant'),
        ("token create --quiet --json", "--quiet and --json exclude each other"),
        ("token create --owner alice --role shop.reader", "--owner"),
        ("token rotate tok_4f9Zk2LmQ8xR1bTa --grace soon", '--grace: "soon" is no duration'),
        ("token rotate tok_4f9Zk2LmQ8xR1bTa --quiet --json", "--quiet and --json exclude each other"),
        ("token list --limit many", '--limit: "many" is not a whole number'),
        ("token list --limit -1", '--limit: "-1" is not a whole number'),
        ("token import tokens.txt --owner alice --role shop.reader", "--owner"),
        ("user create eve --disabled --enabled-until 2099-12-31", "exclude each other"),
        ("user update alice --enable --disable", "exclude each other"),
        ("user update alice --enable --enabled-until 30d", "exclude each other"),
        ("user update alice", "nothing to change"),
        ("role update shop.reader", "nothing to change"),
        ("license create l --subject --application", "exclude each other"),
        ("license create l --application --seats 3", "an application license has no seats"),
        ("license create l --seats 4294967296", "--seats"),
        ("license update shop.pro --enable --disable", "exclude each other"),
        ("audit list --after x", "--after"),
        ("whoami --listen nowhere", "--listen"),
        ("whoami --listen example.org:80", "--listen"),
        ("version now", 'unexpected "now"'),
    ],
)
def test_is_refused_with_2(shop, words, told):
    before = shop.run("audit", "list", "--limit", 0).stdout
    complaint = shop.refused(*words.split(), code=2)
    assert told in complaint
    assert "--help" in complaint
    assert shop.run("audit", "list", "--limit", 0).stdout == before


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["help"], ["token", "--help"], ["token", "create", "-h"]])
def test_help_is_an_answer(shop, words):
    done = shop.run(*words)
    assert done.stdout.startswith("usage: postern ")


def test_a_word_may_be_named_like_a_command(shop):
    """CLI11's own subcommands would take such an operand for one."""
    for name in ("user", "token", "list", "create"):
        shop.run("group", "create", name)
        assert shop.json("group", "show", name)["id"] == name


def test_values_may_look_like_options(shop):
    shop.run("user", "update", "alice", "--name", "-h")
    assert shop.json("user", "show", "alice")["name"] == "-h"
    shop.run("user", "update", "alice", "--name=--json")
    assert shop.json("user", "show", "alice")["name"] == "--json"


def test_version(shop):
    assert shop.run("version").stdout.startswith("postern ")
    assert shop.run("--version").stdout == shop.run("version").stdout
    assert shop.run("version").stdout == f"postern {shop.json('version')['version']}\n"


def test_an_answer_that_cannot_be_written_is_a_failure(shop):
    with open("/dev/full", "w") as full:
        for words in (["token", "list"], ["token", "list", "--json"], ["--help"], ["version"], ["config", "reference"]):
            done = subprocess.run(
                [BINARY, *words], stdout=full, stderr=subprocess.PIPE, text=True, env=shop.environment(), cwd=shop.folder
            )
            assert done.returncode == 1
            assert "cannot write to standard output: No space left on device" in done.stderr
