#!/usr/bin/env python3
"""Turns the output of test runs into what `./dev test` prints.

  report.py junit FILE...       one line "passed failed" over all files (gtest, pytest, surefire)
  report.py vectors LOG FOLDER  table of the VECTORS lines in a ctest log; exit 1 if a line is bad
  report.py coverage ROOT PATH  table of the lines covered below PATH, from llvm-cov's JSON on stdin

A skipped test counts as failed: in this project a test that cannot run is a failure.
"""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from pathlib import Path

VECTORS_LINE = re.compile(r"^VECTORS (\S+): (\d+) passed(?:, later: (.+))?$")


def count_junit(paths):
    passed = failed = 0
    for path in paths:
        try:
            tree = ElementTree.parse(path)
        except (OSError, ElementTree.ParseError):
            # The test program ended before it wrote its results.
            failed += 1
            continue
        for case in tree.getroot().iter("testcase"):
            not_run = case.get("status") == "notrun" or case.get("result") == "skipped"
            bad = any(case.find(tag) is not None for tag in ("failure", "error", "skipped"))
            if bad or not_run:
                failed += 1
            else:
                passed += 1
    return passed, failed


def parse_vectors(lines):
    """Returns {vector file: (passed, [later])} and the lines that are not in the agreed form."""
    counts = defaultdict(int)
    later = defaultdict(list)
    malformed = []
    for line in lines:
        line = line.strip()
        if not line.startswith("VECTORS "):
            continue
        match = VECTORS_LINE.match(line)
        if not match:
            malformed.append(line)
            continue
        name, passed, names = match.groups()
        counts[name] += int(passed)
        if names:
            later[name] += [n.strip() for n in names.split(", ")]
    return {name: (counts[name], later[name]) for name in counts}, malformed


def vector_table(found, folder):
    """The table as lines: files with a count, then the files that no test reads yet."""
    all_files = {str(p.relative_to(folder)) for p in folder.glob("*/*.json")}
    lines = []
    width = max([len(name) for name in all_files | set(found)], default=10)
    for name in sorted(found):
        passed, later = found[name]
        lines.append(f"  {name:<{width}} {passed:>6}" + (f"   later: {len(later)}" if later else ""))
    total = sum(passed for passed, _ in found.values())
    lines.append(f"  {'total':<{width}} {total:>6}")
    left = [f"  {name}: {', '.join(later)}" for name, (_, later) in sorted(found.items()) if later]
    if left:
        lines += ["left for later, by name:", *left]
    unread = sorted(all_files - set(found))
    if unread:
        lines += ["files left for later as a whole:", *(f"  {name}" for name in unread)]
    return lines


def coverage_table(export, root, path):
    """The table as lines: files below `path` that are no tests, their folders, all of them."""
    sums = defaultdict(lambda: [0, 0])
    files = []
    for file in export["data"][0]["files"]:
        name = Path(file["filename"])
        if not name.is_relative_to(root / path) or name.stem.endswith("_test") or name.stem.startswith("test_"):
            continue
        covered, count = file["summary"]["lines"]["covered"], file["summary"]["lines"]["count"]
        files.append((str(name.relative_to(root)), covered, count))
        for key in (str(name.parent.relative_to(root)) + "/", "total"):
            sums[key][0] += covered
            sums[key][1] += count
    rows = sorted(files) + sorted((key, *sums[key]) for key in sums if key != "total")
    rows.append(("total", *sums["total"]))
    width = max(len(name) for name, _, _ in rows)
    return [f"  {name:<{width}} {covered:>6} of {count:>6} lines  {100 * covered / max(count, 1):6.1f} %"
            for name, covered, count in rows]


def main(arguments):
    if len(arguments) >= 1 and arguments[0] == "junit":
        print(*count_junit([Path(a) for a in arguments[1:]]))
        return 0
    if len(arguments) == 3 and arguments[0] == "vectors":
        log = Path(arguments[1]).read_text(errors="replace")
        found, malformed = parse_vectors(log.splitlines())
        print("\n".join(vector_table(found, Path(arguments[2]))))
        for line in malformed:
            print(f"not in the agreed form: {line}")
        return 1 if malformed or not found else 0
    if len(arguments) == 3 and arguments[0] == "coverage":
        print("\n".join(coverage_table(json.load(sys.stdin), Path(arguments[1]), arguments[2])))
        return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
