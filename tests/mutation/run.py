#!/usr/bin/python3
"""Takes out one check of the data plane after the other and sees that a black-box test notices.

    tests/mutation/run.py [--build build/mutation] [--only WORD] [--list | --check]

Works on the files of this tree and puts each of them back; run it on a clean clone. Exit code 0: every mutant was noticed; 1: one survived,
or its text is no longer there; 2: could not run.
"""

import argparse
import os
import pathlib
import subprocess
import sys

from mutants import MUTANTS

ROOT = pathlib.Path(__file__).resolve().parents[2]


def sh(*words, **more):
    return subprocess.run(list(map(str, words)), cwd=ROOT, capture_output=True, text=True, **more)


def noticed_by(mutant, build):
    """The name of the test that fails, "" when none does, or why it could not be tried."""
    before = {edit.file: (ROOT / edit.file).read_text() for edit in mutant.edits}
    after = dict(before)
    for edit in mutant.edits:
        if before[edit.file].count(edit.old) != 1:
            return None, f"{edit.file} holds its text {before[edit.file].count(edit.old)} times"
        after[edit.file] = after[edit.file].replace(edit.old, edit.new)
    for name, text in after.items():
        (ROOT / name).write_text(text)
    try:
        built = sh("ninja", "-C", build, "postern")
        if built.returncode != 0:
            return None, "does not compile:\n" + "\n".join(line for line in built.stdout.splitlines() if "error" in line)[:800]
        tests = [f"tests/e2e/test_{name}.py" for name in mutant.tests.split()]
        ran = sh("/usr/bin/python3", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--tb=no", *tests, timeout=900,
                 env={**os.environ, "POSTERN_BINARY": str(ROOT / build / "postern"), "PYTHONDONTWRITEBYTECODE": "1"})
        failed = [line for line in ran.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
        if ran.returncode not in (0, 1) and not failed:
            return None, f"pytest ended with {ran.returncode}: {ran.stdout[-300:]}{ran.stderr[-300:]}"
        return (failed[0].split(" - ")[0].split(" ", 1)[1] if failed else ""), ""
    finally:
        for name, text in before.items():
            (ROOT / name).write_text(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build/mutation")
    parser.add_argument("--only", default="", help="mutants whose name or file holds this")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--check", action="store_true", help="only see that each mutant's text stands where it says, once")
    options = parser.parse_args()
    chosen = [mutant for mutant in MUTANTS if options.only in mutant.what or options.only in mutant.edits[0].file]
    if options.list:
        for mutant in chosen:
            print(f"{mutant.edits[0].file:28} {mutant.what}")
        return 0
    if options.check:
        stale = [f"{edit.file}: {mutant.what}" for mutant in chosen for edit in mutant.edits if (ROOT / edit.file).read_text().count(edit.old) != 1]
        print("".join(f"does not stand there once: {place}\n" for place in stale) + f"{len(chosen) - len(stale)} passed, {len(stale)} failed")
        return 0 if not stale else 1
    if sh("cmake", "-S", ".", "-B", options.build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug").returncode != 0:
        return 2
    unmoved = sh("ninja", "-C", options.build, "postern")
    if unmoved.returncode != 0:
        print(unmoved.stdout[-2000:], file=sys.stderr)
        return 2
    survivors = 0
    for mutant in chosen:
        test, problem = noticed_by(mutant, options.build)
        survivors += not test
        print(f"{'noticed ' if test else 'SURVIVED' if test == '' else 'BROKEN  '} {mutant.edits[0].file:28} {mutant.what}: {test or problem or 'no test fails'}", flush=True)
    print(f"{len(chosen) - survivors} passed, {survivors} failed")
    return 0 if survivors == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
