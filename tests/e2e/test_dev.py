"""`postern run --dev`: no files, one token, every valid token may pass, nobody else."""

import re
from pathlib import Path

import pytest


@pytest.fixture
def dev(guard, upstream):
    return guard(arguments=["--upstream", upstream.url, "--dev", "--listen", "127.0.0.1:0"])


def secret_of(dev):
    return re.search(r"pst_[0-9A-Za-z]{38}", dev.log + dev.output)[0]


def test_the_token_it_prints_may_go_anywhere(dev, upstream):
    secret = secret_of(dev)
    for target in ("/", "/anything/at/all", "/closed"):
        assert dev.ask("DELETE", target, token=secret).status == 200
    assert upstream.last.get("x-subject-type") == "token"
    assert secret.encode() not in upstream.received


def test_nobody_else_may_pass(dev, upstream):
    assert dev.ask(target="/").status == 401
    assert dev.ask(target="/", token="0123456789abcdefghijklmnop").status == 401
    assert upstream.received == b""


def test_its_store_is_told_usable_and_gone_afterwards(dev):
    from server import Store

    store = Path(re.search(r"(/\S*postern\S*)", dev.log)[1])
    secret = Store(store).create_token("another")
    assert dev.ask(target="/", token=secret).status == 200
    dev.stop()
    assert not store.exists()


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0"])
def test_it_listens_on_loopback_alone(guard, upstream, listen):
    from server import run

    refused = run("run", "--upstream", upstream.url, "--dev", "--listen", listen, ok=None)
    assert refused.returncode in (1, 2)
    assert "loopback" in refused.stderr


def test_it_opens_no_admin_listener(dev):
    assert "admin on" not in dev.log


def test_it_leaves_no_file_in_the_working_directory(dev):
    dev.ask(target="/", token=secret_of(dev))
    assert [path.name for path in dev.folder.iterdir() if path.name not in ("store",)] == []
