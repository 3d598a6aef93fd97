"""Proof that the simulation's checker works: builds that are broken on purpose, each in one way that a
storage engine may be broken in, must each be caught within 1,000 seeds.

  broken_builds.py [name…]     prints what caught each; exit 1 if one gets away
"""

import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "build" / "broken"
SEEDS = 1000

# name: (file, what stands there, what stands there in the broken build)
BROKEN = {
    "answers before the sync": (
        "src/log/group_commit.cc",
        "if (log.synced_offset() >= log.end_offset()) co_return Status{};",
        "co_return Status{};"),
    "trusts batches whose CRC is wrong": (
        "src/log/segment_open.cc",
        'if (!batch.crc_fits) return "its CRC does not match";',
        ""),
    "indexes point at the next batch": (
        "src/log/segment.cc",
        "offset_index_.Add(last, static_cast<uint32_t>(position));",
        "offset_index_.Add(last, static_cast<uint32_t>(position + bytes));"),
    "uses the last offset again after a restart": (
        "src/log/log.cc",
        "state->end_offset = state->synced_offset = found.end_offset;",
        "state->end_offset = state->synced_offset = std::max(Offset(0), found.end_offset - 1);"),
    "serves what is above the high watermark": (
        "src/replica/replica.cc",
        "log_->Read(from, high_watermark_, request.max_bytes, request.at_least_one));",
        "log_->Read(from, log_->end_offset(), request.max_bytes, request.at_least_one));"),
    "forgets its writers at a restart": (
        "src/log/recovery.cc",
        "STROM_TRY_VOID(RebuildWriters(input, found.snapshots, log));",
        "static_cast<void>(RebuildWriters);"),
    "believes the cache after a failed sync": (
        "src/log/segment_open.cc",
        "STROM_TRY_VOID(Rewrite(*file_, trusted_bytes, size_));",
        "static_cast<void>(Rewrite);"),
    "serves what rotted": (
        "src/log/segment.cc",
        "if (check == ReadCheck::kOnce) STROM_TRY_VOID(CheckOnce(data, begin, from, result));",
        "static_cast<void>(check);"),
    "does not sync new names": (
        "src/log/log_sync.cc",
        "if (changes > state->directory_synced) {",
        "if (changes > state->directory_synced + 1000000) {"),
    "deletes rows a little too soon": (
        "src/log/log.cc",
        "if (now.ms - newest.ms <= ttl_ms) break;",
        "if (now.ms - newest.ms <= ttl_ms / 2) break;"),
}


def folder_of(name):
    return OUT / re.sub(r"\W+", "-", name)


def build(name):
    file, old, new = BROKEN[name]
    folder = folder_of(name)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for part in ("src", "cmake"):
        shutil.copytree(ROOT / part, folder / part)
    shutil.copy(ROOT / "CMakeLists.txt", folder)
    (folder / ".tools").symlink_to(ROOT / ".tools")
    path = folder / file
    text = path.read_text()
    found = text.count(old)
    assert found == 1, f"{file} holds {found} times: {old}"
    path.write_text(text.replace(old, new))
    for command in (["cmake", "-S", str(folder), "-B", str(folder / "build"), "-G", "Ninja",
                     "-DCMAKE_CXX_COMPILER=clang++-19", "-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"],
                    ["ninja", "-C", str(folder / "build"), "simulate"]):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder / "build" / "strom-sim"


def main(names):
    escaped = []
    for name in names or BROKEN:
        binary = build(name)
        done = subprocess.run([binary, "--seeds", str(SEEDS)], capture_output=True, text=True, timeout=900)
        caught = re.search(r"VIOLATION seed (\d+): (.*)", done.stdout) or re.search(
            r"seed (\d+) (ended the process)", done.stderr)
        if caught:
            print(f"caught at seed {caught[1]:>4}: {name}: {caught[2][:150]}", flush=True)
        else:
            escaped.append(name)
            print(f"NOT CAUGHT in {SEEDS} seeds: {name}", flush=True)
        shutil.rmtree(folder_of(name))
    return 1 if escaped else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
