#!/usr/bin/python3
"""Holds the sources to what ARCHITECTURE.md and CONTRIBUTING.md promise: includes go downwards only, and a page reads as agreed.

    tests/layers.py            prints every offence with its place, then how many checks passed and failed
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# A folder may include itself and what it lists. main.cpp stands above all of them.
LAYERS = {
    "conf": {"conf"},
    "policy": {"conf", "policy"},
    "store": {"conf", "policy", "store"},
    "proxy": {"conf", "policy", "store", "proxy"},
    "proxy/admin": {"conf", "policy", "store", "proxy", "proxy/admin"},
    "proxy/cli": {"conf", "policy", "store", "proxy", "proxy/admin", "proxy/cli"},
}
EVERYTHING = set(LAYERS) | {"tests", "tests/conf", "tests/fuzz", "tests/bench", "tests/simulation"}

LINES_MAX = 500
TEST_LINES_MAX = 600  # tables take room
COLUMNS_MAX = 150
# Words that promise instead of do, and names that say nothing about what is inside.
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK|WIP)\b")
NAMELESS = re.compile(r"(^|[/_])(util|utils|detail|details|helper|helpers|manager|misc|common)([/_.]|$)", re.I)
NAMELESS_SCOPE = re.compile(r"\bnamespace\s+(\w+::)*(util|utils|detail|details|helpers|misc|impl)\b|\b(class|struct)\s+\w*(Manager|Helper|Util|Utils)\b")
TYPOGRAPHIC = re.compile("[\u2010-\u2015\u2018-\u201f\u00a0]")


def files(*suffixes):
    """Of the tree, generated ones and version control aside."""
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        if parts[0] in ("build", ".git") or "node_modules" in parts or "corpus" in parts or "golden" in parts:
            continue
        if path.is_file() and path.suffix in suffixes:
            yield path


def folder_of(path):
    return str(Path(path).parent)


def allowed_for(path):
    relative = path.relative_to(ROOT)
    folder = folder_of(relative)
    if str(relative) == "proxy/main.cpp":
        return set(LAYERS)
    if relative.parts[0] == "tests":
        layer = folder.removeprefix("tests/")
        if layer not in LAYERS:  # tests of the whole house
            return EVERYTHING | {folder}
        # A test of one layer sees what that layer sees, and the fixtures of the tests of what it sees.
        return LAYERS[layer] | {"tests"} | {f"tests/{below}" for below in LAYERS[layer]}
    return LAYERS.get(folder)


def includes(path):
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        if found := re.match(r'\s*#\s*include\s*"([^"]+)"', line):
            yield number, found[1]


def check_includes_go_downwards(sources):
    for path in sources:
        allowed = allowed_for(path)
        if allowed is None:
            yield path, 0, f"{folder_of(path.relative_to(ROOT))} is no layer; add it to tests/layers.py and say where it stands"
            continue
        for number, included in includes(path):
            if (path.parent / included).is_file():
                continue
            if not (ROOT / included).is_file():
                yield path, number, f'"{included}" is not in the tree; what is not ours is included by <>'
            elif folder_of(included) not in allowed:
                yield path, number, f"{folder_of(path.relative_to(ROOT))} may not include {included}"


def check_headers_are_included_once(sources):
    for path in sources:
        if path.suffix == ".hpp" and "#pragma once" not in path.read_text():
            yield path, 1, "no #pragma once"


def check_files_say_what_they_are(sources):
    """A header begins with a comment: what the file is for."""
    for path in sources:
        if path.suffix == ".hpp" and not path.read_text().startswith("//"):
            yield path, 1, "a header begins with a comment that says what it is for"


def check_files_fit_the_eye(sources):
    for path in sources:
        lines = path.read_text().splitlines()
        most = TEST_LINES_MAX if path.relative_to(ROOT).parts[0] == "tests" else LINES_MAX
        if len(lines) >= most:
            yield path, len(lines), f"{len(lines)} lines; fewer than {most} read better"
        table = False  # "clang-format off" is for tables of data, whose lines are as long as their data
        for number, line in enumerate(lines, 1):
            table = "clang-format off" in line or table and "clang-format on" not in line
            if len(line) > COLUMNS_MAX and not table:
                yield path, number, f"{len(line)} columns"


def check_nothing_is_left_for_later(texts):
    for path in texts:
        if path == Path(__file__).resolve():
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if found := UNFINISHED.search(line):
                yield path, number, f"{found[0]}: do it, or file it"


def check_names_say_something(sources):
    for path in sources:
        if NAMELESS.search(str(path.relative_to(ROOT))):
            yield path, 0, "a name that says nothing about what is inside"
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if NAMELESS_SCOPE.search(line):
                yield path, number, f"a name that says nothing: {line.strip()}"


def check_text_is_plain(texts):
    for path in texts:
        data = path.read_bytes()
        if data and not data.endswith(b"\n"):
            yield path, 0, "no line end at the end"
        if b"\r\n" in data:
            yield path, 0, "CRLF line ends"
        text = data.decode(errors="replace")
        for number, line in enumerate(text.splitlines(), 1):
            if line != line.rstrip() and path.suffix != ".md":
                yield path, number, "blanks at the end of the line"
            if path.suffix in (".cpp", ".hpp") and (TYPOGRAPHIC.search(line) or "\t" in line):
                yield path, number, "a tab or typographic punctuation"


def check_a_secret_is_never_printed(sources):
    """No stream operator and no comparison for what holds a secret."""
    for path in sources:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if re.search(r"operator(<<|==)\s*\([^)]*(Secret\b|CreatedToken)", line):
                yield path, number, line.strip()


def check_standard_streams_are_left_to_the_command_line(sources):
    for path in sources:
        relative = path.relative_to(ROOT)
        if relative.parts[0] not in ("conf", "policy", "store"):
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if re.search(r"#include <iostream>|std::(cout|cerr|clog)\b|\bprintf\s*\(", line) and relative.name != "check.cpp":
                yield path, number, "a library does not print"


def main():
    sources = list(files(".cpp", ".hpp"))
    texts = list(files(".cpp", ".hpp", ".py", ".sh", ".md", ".yaml", ".txt", ".mjs", ".cjs", ".js", ".json"))
    failed = passed = 0
    for name, check in sorted(globals().items()):
        if not name.startswith("check_"):
            continue
        offences = list(check(texts if check.__code__.co_varnames[0] == "texts" else sources))
        for path, number, sentence in offences:
            print(f"{path.relative_to(ROOT)}:{number}: {sentence}")
        print(f"{'FAILED' if offences else 'ok':6}  {name.removeprefix('check_').replace('_', ' ')}")
        failed += bool(offences)
        passed += not offences
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
