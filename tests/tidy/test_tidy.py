"""What the project's rules let a program see. Runs with the other tests."""

import hashlib
import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = sorted(p for p in (ROOT / "src").rglob("*") if p.suffix in (".h", ".cc"))
HEADERS = [p for p in SOURCES if p.suffix == ".h"]

# Which modules a module may include (ARCHITECTURE.md); everything else points upwards.
MAY_USE = {
    "base": set(),
    "runtime": {"base"},
    "format": {"base"},
    "wire": {"base", "format"},
    "log": {"base", "runtime", "format"},
    "kv": {"base", "runtime", "format"},
    "metadata": {"base", "runtime", "format"},
    "replica": {"base", "runtime", "format", "log", "metadata", "kv"},
    "coordinator": {"base", "runtime", "format", "wire", "metadata"},
    "server": {"base", "runtime", "format", "wire", "log", "metadata", "kv", "replica",
               "coordinator"},
    "sim": {"base", "runtime", "format", "wire", "log", "metadata", "kv", "replica", "coordinator",
            "server"},
    "client": {"base", "runtime", "format", "wire"},
    "cli": {"base", "runtime", "format", "wire", "log", "metadata", "kv", "replica",
            "coordinator", "server", "client"},
}

MAX_LINES = 1500
LONG_LINES = 450
# Files that are one thing although they are long.
LONG_FILES = {"src/wire/messages.proto"}


def name(path):
    return str(path.relative_to(ROOT))


def tracked_files():
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True)
    files = [ROOT / line for line in listed.stdout.splitlines()]
    assert files, "no tracked files found"
    return [f for f in files if f.is_file() and "tests/vectors/" not in name(f)]


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_file_is_short(path):
    lines = len(path.read_text().splitlines())
    assert lines <= MAX_LINES
    if name(path) not in LONG_FILES and not path.name.endswith("_test.cc"):
        assert lines <= LONG_LINES, f"{lines} lines: would a reader find two things in it?"


@pytest.mark.parametrize("module", sorted(p.name for p in (ROOT / "src").iterdir()))
def test_includes_point_downwards(module):
    assert module in MAY_USE, "a new module needs its row here and in ARCHITECTURE.md"
    allowed = MAY_USE[module] | {module}
    for path in (ROOT / "src" / module).iterdir():
        for other in re.findall(r'#include "(\w+)/', path.read_text()):
            # Tests may use more: the real runtime and the golden data.
            if path.name.endswith("_test.cc") or path.name.startswith("test_"):
                continue
            assert other in allowed, f"{name(path)} includes {other}/"


@pytest.mark.parametrize("path", HEADERS, ids=name)
def test_header_says_what_it_is_for(path):
    text = path.read_text()
    assert text.startswith("// "), "a header opens with what it is for"
    assert "#pragma once" in text
    assert "boost/asio" not in text, "Asio stays out of headers"


def test_headers_stand_alone():
    """Every header compiles by itself, without the precompiled ones. Takes a minute, so headers that
    passed as they are now are remembered."""
    rocksdb = ROOT / ".tools" / "rocksdb" / "src"
    includes = ["-I", str(ROOT / "src"), "-I", str(ROOT / "build" / "release" / "src"),
                "-isystem", str(rocksdb / "include"), "-isystem", str(rocksdb)]
    content = hashlib.sha256()
    for header in HEADERS + [ROOT / "src" / "wire" / "messages.proto"]:
        content.update(name(header).encode() + header.read_bytes())
    passed = ROOT / "build" / "headers.passed"
    if passed.exists() and passed.read_text() == content.hexdigest():
        return
    processes = []
    failures = []

    def collect(limit):
        while len(processes) > limit:
            header, process = processes.pop(0)
            _, errors = process.communicate()
            if process.returncode != 0:
                failures.append(f"{name(header)}: {errors[:600]}")

    for header in HEADERS:
        collect((os.cpu_count() or 2) - 1)
        process = subprocess.Popen(
            ["clang++-19", "-std=c++23", "-msse4.2", "-fsyntax-only", "-Wno-pragma-once-outside-header",
             '-DSTROM_VECTORS_DIR=""', "-x", "c++", *includes, str(header)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        processes.append((header, process))
    collect(0)
    assert not failures, "\n".join(failures)
    passed.write_text(content.hexdigest())


def test_configuration_page_is_current():
    strom = os.environ.get("STROM_BINARY", str(ROOT / "build" / "release" / "strom"))
    docs = subprocess.run([strom, "config", "docs"], capture_output=True, text=True, check=True)
    page = (ROOT / "docs" / "configuration.md").read_text()
    assert page == docs.stdout, "run: strom config docs > docs/configuration.md"


@pytest.mark.parametrize("document", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "LICENSE",
                                      "docs/dependencies.md", "docs/operations.md"])
def test_document_is_there(document):
    assert len((ROOT / document).read_text()) > 200


def test_broken_builds_break_what_is_there():
    """Each finds the one place that it breaks; they run only in the long suite."""
    sys.path.insert(0, str(ROOT / "tests" / "sim"))
    import broken_builds

    lost = [name for name, (file, there, broken) in broken_builds.BROKEN.items()
            if (ROOT / file).read_text().count(there) != 1 or there == broken]
    assert not lost and len(broken_builds.BROKEN) >= 10


def test_architecture_page_is_short():
    assert len((ROOT / "ARCHITECTURE.md").read_text().splitlines()) < 400


def test_no_file_names_a_machine_or_a_registry():
    parts = {
        "a machine's path": [r"/" + r"root/", r"/" + r"home/\w", r"/" + r"work/"],
        "a registry": ["pypi" + r"\.org", "repo1" + r"\.maven", r"deb\." + "debian", "crates" + r"\.io"],
    }
    found = []
    for path in tracked_files():
        text = path.read_text(errors="replace")
        for what, patterns in parts.items():
            for pattern in patterns:
                for match in re.finditer(pattern, text):
                    found.append(f"{name(path)}: {what}: {match.group()}")
    assert not found, "\n".join(found)
