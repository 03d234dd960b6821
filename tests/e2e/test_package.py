"""The Debian package: what it puts where, that lintian has nothing to say, and that what it installs works."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from server import BINARY, ROOT, SANITIZER, environment
from wire import PATIENCE, SANITIZED

BUILD = Path(BINARY).parent
pytestmark = pytest.mark.skipif(SANITIZED, reason="nobody packs an instrumented build")


def call(*command, ok=0, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=10 * PATIENCE, **options)
    assert done.returncode == ok, f"{command}\n{done.stdout}{done.stderr}"
    assert not SANITIZER.search(done.stderr)
    return done.stdout


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The package's file."""
    folder = tmp_path_factory.mktemp("package")
    assert (BUILD / "CPackConfig.cmake").exists(), f"{BUILD} was configured without packaging"
    call("cpack", "--config", BUILD / "CPackConfig.cmake", "-B", folder, "-G", "DEB", cwd=folder)
    found, = folder.glob("*.deb")
    return found


@pytest.fixture(scope="module")
def root(package, tmp_path_factory):
    """Its files, unpacked."""
    folder = tmp_path_factory.mktemp("root")
    call("dpkg-deb", "--extract", package, folder)
    return folder


def test_it_installs_program_unit_pages_completions_and_examples(package, root):
    files = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    for expected in [
        "usr/bin/postern", "usr/lib/systemd/system/postern.service", "usr/lib/systemd/system/postern.socket", "usr/lib/sysusers.d/postern.conf", "etc/postern/postern.yaml", "etc/postern/policy.yaml",
        "usr/share/man/man1/postern.1.gz", "usr/share/man/man1/postern-token-create.1.gz", "usr/share/man/man5/postern.yaml.5.gz",
        "usr/share/bash-completion/completions/postern", "usr/share/zsh/vendor-completions/_postern", "usr/share/fish/vendor_completions.d/postern.fish",
        "usr/share/doc/postern/copyright", "usr/share/doc/postern/changelog.gz", "usr/share/doc/postern/README.md",
        "usr/share/doc/postern/examples/example/policy.yaml", "usr/share/doc/postern/examples/decision/nginx.conf",
    ]:  # fmt: skip
        assert expected in files, expected
    assert not [name for name in files if name.endswith((".pyc", ".mdb"))]
    control = call("dpkg-deb", "--field", package)
    assert re.search(r"^Version: \d+\.\d+\.\d+$", control, re.M) and "Architecture: " in control
    conffiles = call("dpkg-deb", "--info", package, "conffiles").split()
    assert conffiles == sorted(f"/{name}" for name in files if name.startswith("etc/"))
    listing = call("dpkg-deb", "--contents", package)
    assert {line.split()[1] for line in listing.splitlines()} == {"root/root"}


def test_its_program_takes_its_own_configuration(root, tmp_path):
    text = (root / "etc/postern/postern.yaml").read_text().replace("/etc/postern", str(root / "etc/postern")).replace("/var/lib/postern", str(tmp_path))
    (tmp_path / "postern.yaml").write_text(text)
    call(root / "usr/bin/postern", "check", "--config", tmp_path / "postern.yaml", env=environment())
    unit = (root / "usr/lib/systemd/system/postern.service").read_text()
    for path in re.findall(r"^Exec\w+=(/usr/bin/postern) ", unit, re.M):
        assert (root / path.lstrip("/")).exists()
    listen = re.search(r"^ListenStream=(.*)$", (root / "usr/lib/systemd/system/postern.socket").read_text(), re.M)[1]
    assert f"listen: {listen}\n" in text


def test_lintian_has_nothing_to_say(package):
    told = call("lintian", "--no-tag-display-limit", "--allow-root", "--fail-on", "none", package, env={**os.environ, "LC_ALL": "C.UTF-8"})
    # Of the static binary only, which is a position-independent program and not a library.
    assert [line for line in told.splitlines() if not line.startswith("N:") and "shared-library-lacks-prerequisites" not in line] == []


def test_each_command_has_its_page_and_none_has_a_flaw(root):
    listed = call(BINARY, "completion", "fish", env=environment())
    assert listed
    pages = sorted((root / "usr/share/man").rglob("*.gz"))
    names = {path.name.removesuffix(".1.gz") for path in pages if path.name.endswith(".1.gz")}
    for golden in (ROOT / "tests/cli/golden").glob("*.txt"):
        text = golden.read_text()
        command = re.match(r"usage: postern ((?:[a-z-]+ ?)+?)(?: [A-Z\[].*)?$", text, re.M)
        if command and "COMMAND" not in text.splitlines()[0]:
            assert "postern-" + command[1].strip().replace(" ", "-") in names, golden.name
    for page in pages:
        done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page], capture_output=True, text=True, timeout=PATIENCE, env={**os.environ, "MANROFFSEQ": "", "LC_ALL": "C.UTF-8"})
        assert done.returncode == 0 and not done.stderr, f"{page}: {done.stderr}"
    page = call("man", "-l", root / "usr/share/man/man1/postern-token-create.1.gz", env={**os.environ, "MANWIDTH": "200", "LC_ALL": "C.UTF-8"})
    assert "--expires WHEN" in page and "postern token create" in page


# --- completions ---


def completed(root, *words):
    """What bash offers for the last word."""
    script = root / "usr/share/bash-completion/completions/postern"
    text = f'source {script}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _postern; printf "%s\\n" "${{COMPREPLY[@]}}"'
    return call("bash", "-c", text, "bash", "postern", *words, cwd=ROOT / "deploy/example").split()


def test_bash_completes_commands_options_and_files(root):
    assert {"run", "token", "policy", "--help"} <= set(completed(root, ""))
    assert completed(root, "tok") == ["token"]
    assert {"create", "rotate", "scan"} <= set(completed(root, "token", ""))
    assert completed(root, "token", "rot") == ["rotate"]
    assert completed(root, "token", "create", "--exp") == ["--expires"]
    assert set(completed(root, "run", "--a")) == {"--admin-listen", "--access-log"}
    assert completed(root, "check", "--config", "post") == ["postern.yaml"]
    assert completed(root, "token", "create", "--name", "post") == []


@pytest.mark.parametrize("shell, file", [("zsh", "zsh/vendor-completions/_postern"), ("fish", "fish/vendor_completions.d/postern.fish")])
def test_other_shells_take_theirs(root, shell, file):
    assert shutil.which(shell), f"{shell} is not installed (deploy/dependencies.txt)"
    call(shell, "-n", root / "usr/share" / file)
    text = (root / "usr/share" / file).read_text()
    assert "rotate" in text and "expires" in text


def test_fish_completes_too(root):
    script = root / "usr/share/fish/vendor_completions.d/postern.fish"

    def offered(line):
        told = call("fish", "--no-config", "-c", f"source {script}; complete -C '{line}'", env={**os.environ, "HOME": "/nonexistent"})
        return {row.split("\t")[0] for row in told.splitlines()}

    assert {"token", "run"} <= offered("postern ")
    assert "rotate" in offered("postern token ")
    assert "--expires" in offered("postern token create --exp")


def test_a_shell_without_completion_is_a_usage_error():
    done = subprocess.run([BINARY, "completion", "tcsh"], capture_output=True, text=True, timeout=PATIENCE, env=environment())
    assert done.returncode == 2 and "only for bash, zsh and fish" in done.stderr
