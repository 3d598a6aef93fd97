"""Proof that the simulation's checker works: builds that are broken on purpose, each in one way that a
storage engine may be broken in, must each be caught within 1,000 seeds.

  broken_builds.py [name…]     prints what caught each; exit 1 if one gets away
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
TREE = ROOT / "build" / "broken"  # a copy, broken in one place at a time
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
        "src/log/log_open.cc",
        "end_offset = synced_offset = found.end_offset;",
        "end_offset = synced_offset = std::max(Offset(0), found.end_offset - 1);"),
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
    # Of primary-key tables.
    "shows rows before they are committed": (
        "src/replica/replica_rows.cc",
        "rows.Keep(appended->end_offset);",
        "rows.Keep(appended->end_offset); static_cast<void>(rows.Commit(appended->end_offset));"),
    "changes rows again when a batch is sent again": (
        "src/replica/replica_rows.cc",
        "if (!appended || appended->duplicate) {",
        "if (!appended) {"),
    "replays all but the first record": (
        "src/kv/kv_bucket.cc",
        "if (record.offset < from) continue;",
        "if (record.offset <= from) continue;"),
    "replays nothing": (
        "src/replica/primary_key.cc",
        "while (at < committed) {",
        "while (at < committed && from == committed) {"),
    "counts updates as new rows when it replays": (
        "src/kv/kv_bucket.cc",
        "next.row_count += before || deleted ? -1 : 1;",
        "next.row_count += deleted ? -1 : before ? 0 : 1;"),
    "forgets what a rolled back batch stood on": (
        "src/kv/pre_write_buffer.cc",
        "if (entry.previous >= first_id_ && entry.previous_entry != nullptr) {",
        "if (entry.previous >= first_id_ && entry.previous_entry == &entry) {"),
    "gives the last number of a block twice": (
        "src/coordinator/auto_increment.cc",
        "metadata::WriteCounter(taken + count)",
        "metadata::WriteCounter(taken + count - 1)"),
    "deletes a changelog that snapshots need": (
        "src/replica/replica.cc",
        "limit = std::min(limit, needed);",
        "static_cast<void>(needed);"),
}


def put(path, text):
    """Leaves files as they are that hold the text already: they need not be built again."""
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def copy_sources():
    wanted = {"CMakeLists.txt"} | {str(path.relative_to(ROOT)) for part in ("src", "cmake")
                                   for path in (ROOT / part).rglob("*") if path.is_file()}
    for part in ("src", "cmake"):
        for path in (TREE / part).rglob("*"):
            if path.is_file() and str(path.relative_to(TREE)) not in wanted:
                path.unlink()
    for name in wanted:
        put(TREE / name, (ROOT / name).read_text())
    if not (TREE / ".tools").exists():
        (TREE / ".tools").symlink_to(ROOT / ".tools")


def build():
    for command in (["cmake", "-S", str(TREE), "-B", str(TREE / "build"), "-G", "Ninja",
                     "-DCMAKE_CXX_COMPILER=clang++-19", "-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"],
                    ["ninja", "-C", str(TREE / "build"), "simulate"]):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return TREE / "build" / "strom-sim"


def main(names):
    escaped = []
    copy_sources()
    for name in names or BROKEN:
        file, old, new = BROKEN[name]
        text = (ROOT / file).read_text()
        assert text.count(old) == 1, f"{file} holds {text.count(old)} times: {old}"
        put(TREE / file, text.replace(old, new))
        binary = build()
        done = subprocess.run([binary, "--seeds", str(SEEDS)], capture_output=True, text=True, timeout=900)
        put(TREE / file, text)
        caught = re.search(r"VIOLATION seed (\d+): (.*)", done.stdout) or re.search(
            r"seed (\d+) (ended the process)", done.stderr)
        if caught:
            print(f"caught at seed {caught[1]:>4}: {name}: {caught[2][:150]}", flush=True)
        else:
            escaped.append(name)
            print(f"NOT CAUGHT in {SEEDS} seeds: {name}", flush=True)
    return 1 if escaped else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
