"""--store > POSTERN_STORE > configuration file > default."""

import os

import pytest


@pytest.fixture
def three(empty):
    """A store for each place it can be named in, each with a group that says so."""
    for place in ("flag", "environment", "file"):
        empty.run("group", "create", place, "--store", empty.folder / place)
    (empty.folder / "postern.yaml").write_text("store: file\nupstream: http://127.0.0.1:1\npolicy: p.yaml\n")
    (empty.folder / "other.yaml").write_text("store: flag\n")
    return empty


def found(shop, *arguments, environment=None):
    environment = {"POSTERN_STORE": str(shop.folder / "environment"), **(environment or {})}
    kept = {name: value for name, value in environment.items() if value}
    shop.environment = lambda: {**{k: v for k, v in os.environ.items() if not k.startswith("POSTERN_")}, **kept}
    groups = shop.json("group", "list", *arguments)
    (named,) = {group["id"] for group in groups} & {"flag", "environment", "file"}
    return named


def test_the_flag_wins(three):
    assert found(three, "--store", "flag") == "flag"


def test_then_the_environment(three):
    assert found(three) == "environment"


def test_then_the_file_of_the_working_directory(three):
    assert found(three, environment={"POSTERN_STORE": ""}) == "file"


def test_or_the_file_that_is_named(three):
    assert found(three, "--config", "other.yaml", environment={"POSTERN_STORE": ""}) == "flag"
    assert found(three, environment={"POSTERN_STORE": "", "POSTERN_CONFIG": "other.yaml"}) == "flag"


def test_a_mistake_elsewhere_in_the_configuration_is_told(three):
    (three.folder / "postern.yaml").write_text("store: file\ntimeouts: {head: soon}\n")
    complaint = three.run("group", "list", ok=1).stderr
    assert "postern.yaml:2:" in complaint and "soon" in complaint


def test_what_serving_alone_needs_may_be_missing(empty):
    (empty.folder / "postern.yaml").write_text("store: here\n")
    empty.run("group", "create", "g", "--config", "postern.yaml")


def test_reading_makes_no_store(empty):
    for words in ("token list", "user show x", "role list", "store verify", "audit list", "token delete tok_4f9Zk2LmQ8xR1bTa"):
        empty.refused(*words.split())
    assert list(empty.folder.iterdir()) == []


def test_the_configured_prefix_is_that_of_new_secrets(empty):
    (empty.folder / "postern.yaml").write_text("store: here\ntoken_prefix: shop_\n")
    done = empty.run("token", "create", "--name", "x", "--quiet", "--config", "postern.yaml")
    assert done.stdout.startswith("shop_")
