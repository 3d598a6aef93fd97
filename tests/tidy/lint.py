#!/usr/bin/env python3
"""clang-tidy over the sources of a build tree, two at a time.

  lint.py BUILD [FILE...]     all files of src/, or the given ones

A file that passed is remembered by a hash of itself, everything it includes, its command and
.clang-tidy, so a second run looks only at what changed.
"""

import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Hashes:
    """File hashes, each computed once."""

    def __init__(self):
        self._known = {}

    def of(self, path):
        if path not in self._known:
            try:
                self._known[path] = hashlib.sha256(path.read_bytes()).hexdigest()
            except OSError:
                self._known[path] = "missing"
        return self._known[path]


def included_files(build):
    """{object file: [files it was compiled from]}, as ninja recorded them."""
    text = subprocess.run(["ninja", "-C", str(build), "-t", "deps"], capture_output=True,
                          text=True, check=True).stdout
    found, current = {}, None
    for line in text.splitlines():
        if line.startswith("    "):
            found[current].append(line.strip())
        elif ": #deps" in line:
            current = line.split(":", 1)[0]
            found[current] = []
    return found


def entries_to_check(build, wanted):
    """The compile commands of our own sources, those in `wanted` if it is not empty."""
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = Path(entry["file"])
        if not path.is_relative_to(ROOT / "src") or (wanted and path not in wanted):
            continue
        yield path, entry


def key_of(entry, deps, build, hashes):
    digest = hashlib.sha256(entry["command"].encode())
    digest.update(hashes.of(ROOT / ".clang-tidy").encode())
    digest.update(hashes.of(Path(entry["file"])).encode())
    for name in deps.get(entry.get("output", ""), ()):
        path = (build / name).resolve()
        # System headers change only with the packages, whose versions are pinned.
        if path.is_relative_to(ROOT / "src"):
            digest.update(hashes.of(path).encode())
    return digest.hexdigest()


def check(path, build):
    done = subprocess.run(["clang-tidy-19", "-p", str(build), "--quiet", str(path)],
                          capture_output=True, text=True)
    return path, done.returncode, done.stdout + (done.stderr if done.returncode else "")


def main(arguments):
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    build = (ROOT / arguments[0]).resolve()
    wanted = {Path(a).resolve() for a in arguments[1:]}
    stamps = build / "lint"
    stamps.mkdir(exist_ok=True)
    deps, hashes = included_files(build), Hashes()
    keys = {path: key_of(entry, deps, build, hashes)
            for path, entry in entries_to_check(build, wanted)}
    todo = [path for path, key in keys.items() if not (stamps / key).exists()]
    failed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, status, output in pool.map(lambda p: check(p, build), todo):
            if status == 0:
                (stamps / keys[path]).touch()
            else:
                failed += 1
                print(output.strip(), flush=True)
    print(f"lint: {len(keys)} files, {len(todo)} looked at, {failed} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
