"""`postern run` as far as the command line goes; what it serves is tested end to end elsewhere."""

import re
import urllib.request
from pathlib import Path

import pytest
from conftest import BINARY, SANITIZER
from serving import Serving


def test_a_bad_configuration_does_not_start(shop):
    (shop.folder / "postern.yaml").write_text("policy: policy.yaml\nlisten: 127.0.0.1:0\n")
    assert "upstream" in shop.run("run", ok=1).stderr
    assert "nowhere.yaml" in shop.run("run", "--config", "nowhere.yaml", ok=1).stderr


def test_dev_needs_no_files(empty, shop):
    environment = {name: value for name, value in empty.environment().items() if not name.startswith("POSTERN_")}
    with Serving([BINARY, "whoami"], cwd=empty.folder, environment=environment) as upstream:
        command = [BINARY, "run", "--dev", "--upstream", upstream.url, "--listen", "127.0.0.1:0", "--access-log", "off"]
        with Serving(command, cwd=empty.folder, environment=environment) as guard:
            store = Path(re.search(r"^postern: store (/\S+)$", guard.log, re.M)[1])
            token = re.search(r"^postern: token (pst_\w{38})$", guard.log, re.M)[1]
            assert re.search(rf'^postern: try: curl -i -H "Authorization: Bearer {token}" http://127.0.0.1', guard.log, re.M)
            assert store.is_dir()
            request = urllib.request.Request(f"{guard.url}/x", headers={"Authorization": f"Bearer {token}"})
            with urllib.request.urlopen(request, timeout=60) as answer:
                assert answer.status == 200 and token.encode() not in answer.read()
            assert guard.stop() == 0, guard.log
            assert not SANITIZER.search(guard.log)
        assert not store.exists()


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"])
def test_dev_listens_on_loopback_alone(empty, listen):
    assert "loopback" in empty.run("run", "--dev", "--upstream", "http://127.0.0.1:1", "--listen", listen, ok=1).stderr


def test_dev_without_an_upstream(empty):
    assert "upstream" in empty.run("run", "--dev", ok=1).stderr
