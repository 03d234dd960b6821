"""The scripts under deploy/ refuse what they do not understand."""

import subprocess

import pytest

from server import ROOT
from wire import PATIENCE


def dependencies(*groups):
    return subprocess.run([ROOT / "deploy/dependencies.sh", *groups], capture_output=True, text=True, timeout=PATIENCE)


@pytest.mark.parametrize("groups", [["all"], ["build", "tests"], [""], ["--quiet"], ["."]], ids=repr)
def test_a_group_of_dependencies_that_does_not_exist_is_an_error(groups):
    """It installed nothing and said nothing, as if all were there."""
    done = dependencies(*groups)
    assert done.returncode == 2 and not done.stdout
    assert "no group is named" in done.stderr and "build example test bench" in done.stderr


def test_what_is_installed_is_not_asked_for_again():
    done = dependencies("build")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert dependencies("--help").stdout.startswith("Installs what postern needs")
