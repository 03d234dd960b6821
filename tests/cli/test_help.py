"""Help texts: each as its golden file says, and every example in them runs.

POSTERN_UPDATE_GOLDEN=1 rewrites the golden files; review them as a diff.
"""

import os
import re
import subprocess
from pathlib import Path
from typing import Dict, List

import pytest
from conftest import BINARY, PATIENCE, SANITIZER, Shop
from serving import Serving

GOLDEN = Path(__file__).parent / "golden"
UPDATE = os.environ.get("POSTERN_UPDATE_GOLDEN") == "1"


def run(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=PATIENCE)


def commands() -> List[str]:
    """Every command, from the overview."""
    found = []
    overview = re.sub(r"\n {10,}", " ", run("--help").stdout)  # what was broken to fit is whole again
    for noun, shared, text in re.findall(r"^  (\w+)( \.\.\.)? {2,}(.*)$", overview, re.M):
        found += [f"{noun} {verb}" for verb in text.split(", ")] if shared else [noun]
    return found


def nouns() -> List[str]:
    return sorted({command.split()[0] for command in commands() if " " in command})


def texts() -> List[str]:
    """The words that each help text is asked for with; the first is the overview of all."""
    return ["", *nouns(), *commands()]


@pytest.mark.parametrize("words", texts())
def test_each_help_text_is_as_agreed(words):
    done = run(*words.split(), "--help")
    assert (done.returncode, done.stderr) == (0, "")
    golden = GOLDEN / f"{words.replace(' ', '-') or 'postern'}.txt"
    if UPDATE:
        golden.write_text(done.stdout)
    assert done.stdout == golden.read_text()


def test_no_golden_file_is_left_over():
    assert sorted(path.stem for path in GOLDEN.iterdir()) == sorted(
        words.replace(" ", "-") or "postern" for words in texts()
    )


@pytest.mark.parametrize("words", texts())
def test_each_help_text_fits_a_terminal(words):
    text = run(*words.split(), "--help").stdout
    described = text[: text.index("\nexamples:")]  # a command line is not broken
    assert [line for line in described.splitlines() if len(line) > 80] == []


def test_the_issue_s_commands_are_all_there():
    nouns_with_five = ["user", "group", "role", "permission", "license"]
    expected = {"run", "check", "config reference", "whoami", "version", "completion", "probe live", "probe ready", "catalog apply", "catalog export", "store verify"}
    expected |= {f"store {verb}" for verb in ("info", "backup", "restore", "compact")}
    expected |= {"audit list", "audit verify", "audit export", "audit drop", "token verify", "token scan", "token rights", "subject who-can"}
    expected |= {f"policy {verb}" for verb in ("diff", "explain", "init", "test", "replay", "suggest", "prove", "schema")}
    expected |= {
        f"token {verb}" for verb in ("create", "list", "show", "update", "rotate", "delete", "enable", "disable", "import")
    }
    expected |= {f"{noun} {verb}" for noun in nouns_with_five for verb in ("create", "list", "show", "update", "delete")}
    assert expected == set(commands())


def examples() -> List[str]:
    found = []
    for command in commands():
        text = run(*command.split(), "--help").stdout
        shown = [line.strip() for line in text[text.index("\nexamples:\n") + 11 :].splitlines()]
        assert shown, command
        found += shown
    return found


def assert_asks_whoever_runs(line: str, shop: Shop, environment: Dict[str, str]) -> None:
    admin = f"unix:{shop.folder}/admin.sock"  # a place that both can be told of before
    environment["POSTERN_ADMIN_LISTEN"] = admin
    ask = ["/bin/sh", "-c", line]
    nobody = subprocess.run(ask, env=environment, cwd=shop.folder, capture_output=True, text=True, timeout=PATIENCE)
    assert (nobody.returncode, nobody.stdout) == (1, "") and "does not answer" in nobody.stderr
    with Serving(["/bin/sh", "-c", "exec postern run --config postern.yaml"], cwd=shop.folder, environment=environment):
        asked = subprocess.run(ask, env=environment, cwd=shop.folder, capture_output=True, text=True, timeout=PATIENCE)
        assert (asked.returncode, asked.stderr) == (0, "") and asked.stdout


@pytest.mark.parametrize("line", examples())
def test_each_example_runs(line, shop: Shop, tmp_path: Path):
    # Somebody else may have the port that an example names.
    line = line.replace("--listen 127.0.0.1:8000", "--listen 127.0.0.1:0")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "postern").symlink_to(Path(BINARY).resolve())
    environment = shop.environment()
    environment["PATH"] = f"{programs}:{environment['PATH']}"
    if re.match(r"postern (run|whoami)\b", line):
        environment["POSTERN_LISTEN"] = "127.0.0.1:0"
        with Serving(["/bin/sh", "-c", f"exec {line}"], cwd=shop.folder, environment=environment) as serving:
            assert serving.stop() == 0, serving.log
        assert not SANITIZER.search(serving.log)
        return
    if line.startswith("postern probe "):
        assert_asks_whoever_runs(line, shop, environment)
        return
    done = subprocess.run(
        ["/bin/sh", "-c", line], env=environment, cwd=shop.folder, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr
    assert not SANITIZER.search(done.stderr)
