#!/usr/bin/python3
"""Counts what a part of the gate has run: `tally.py LOG [JUNIT]` prints "PASSED FAILED SKIPPED".

Understood are JUnit reports of pytest and ctest (with the doctest summaries within), and in a log the last line "N passed, N failed".
"""

import re
import sys
import xml.etree.ElementTree as xml
from pathlib import Path

DOCTEST = re.compile(r"test cases:\s*\d+\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed\s*\|\s*(\d+) skipped")


def of_junit(path):
    passed = failed = skipped = 0
    for case in xml.parse(path).getroot().iter("testcase"):
        broken = case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail"
        counts = DOCTEST.search(case.findtext("system-out") or "")
        if case.find("skipped") is not None:
            skipped += 1
        elif counts:
            passed += int(counts[1])
            # A program that fails with every case passed has died at its end, or a sanitizer spoke.
            failed += max(int(counts[2]), broken)
        else:
            passed += not broken
            failed += broken
    return passed, failed, skipped


def of_log(path):
    found = re.findall(r"^(\d+) passed, (\d+) failed$", path.read_text(errors="replace"), re.M)
    return (int(found[-1][0]), int(found[-1][1]), 0) if found else (0, 0, 0)


def main():
    log = Path(sys.argv[1])
    junit = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    print(*(of_junit(junit) if junit and junit.is_file() else of_log(log)))


if __name__ == "__main__":
    main()
