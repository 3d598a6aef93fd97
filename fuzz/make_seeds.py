#!/usr/bin/env python3
"""make_seeds.py VECTORS OUT: what the fuzz targets start from, taken from the golden vectors."""

import hashlib
import json
import pathlib
import struct
import sys


# Where key_fuzz.cc lists the types of one column.
KEY_TYPES = {"BOOLEAN": [0], "TINYINT": [1], "SMALLINT": [2], "INTEGER": [3], "BIGINT": [4],
             "FLOAT": [5], "DOUBLE": [6], "CHAR": [7], "STRING": [8], "BINARY": [9], "BYTES": [10],
             "DECIMAL": [11, 12], "DATE": [13], "TIME_WITHOUT_TIME_ZONE": [14],
             "TIMESTAMP_WITHOUT_TIME_ZONE": [15, 16], "TIMESTAMP_WITH_LOCAL_TIME_ZONE": [17]}
TWO_COLUMNS, THREE_COLUMNS = 18, 19


def key_types(types):
    if len(types) == 1:
        return KEY_TYPES[types[0]["type"]]
    return [TWO_COLUMNS if len(types) == 2 else THREE_COLUMNS]


def kv_batches_of_rows(load):
    """Each golden row as the only record of a batch; the target makes the checksum fit."""
    for offset, name in ((0, "row-compacted.json"), (64, "row-indexed.json")):
        for case in load(f"kv/{name}")["cases"]:
            record = b"\1k" + bytes.fromhex(case["row"])
            records = struct.pack("<i", len(record)) + record
            batch = struct.pack("<ibIhbqii", 24 + len(records), 0, 0, 1, 0, -1, -1, 1) + records
            for schema in range(4):
                yield bytes([offset + schema]) + batch


def main(vectors, out):
    seeds = {}

    def add(target, data):
        seeds.setdefault(target, set()).add(data)

    def load(name):
        return json.loads((vectors / name).read_text())

    for path in sorted((vectors / "rpc").glob("*.json")):
        document = json.loads(path.read_text())
        for vector in document.get("vectors", document.get("frames", [])):
            if vector["kind"] == "request":
                add("message_fuzz", bytes.fromhex(vector["frame_hex"])[4:])
    for path in sorted((vectors / "log").glob("*.json")):
        document = json.loads(path.read_text())
        for vector in document.get("vectors", []):
            for key in ("hex", "input_hex"):
                if key in vector:
                    data = bytes.fromhex(vector[key])
                    add("batch_fuzz", b"\0" + data)
                    add("projection_fuzz", b"\5" + data)
                    for kind in (0, 1):
                        add("ranges_fuzz", bytes([kind, 1]) + data)
        for kind in ("vectors", "predicates", "fallbacks", "literals"):
            for vector in document.get(kind, []):
                if "pb_predicate_hex" in vector:
                    add("predicate_fuzz", b"\1" + bytes.fromhex(vector["pb_predicate_hex"]))
    for name in ("table-descriptor-valid.json", "table-descriptor-invalid.json"):
        for case in load(f"metadata/{name}")["cases"]:
            if isinstance(case.get("table_json"), str):
                add("descriptor_fuzz", case["table_json"].encode())
    for i, name in enumerate(("row-compacted.json", "row-indexed.json", "row-aligned.json")):
        for case in load(f"kv/{name}").get("cases", []):
            if isinstance(case.get("row"), str):
                add("row_fuzz", bytes([i]) + bytes.fromhex(case["row"]))
    for name in ("kv-record-batch", "kv-record-batch-malformed", "value-record-batch"):
        for case in load(f"kv/{name}.json")["cases"]:
            # Schemas 0 to 3 with COMPACTED rows, from 64 on with INDEXED ones.
            first = b"\x41" if case.get("kv_format") == "INDEXED" else b"\1"
            add("kv_batch_fuzz", first + bytes.fromhex(case["batch"]))
    for case in kv_batches_of_rows(load):
        add("kv_batch_fuzz", case)
    for case in load("kv/keys.json")["cases"]:
        for i, encoding in enumerate(("compacted", "paimon", "iceberg")):
            if "key" in case[encoding]:
                for types in key_types(case["types"]):
                    add("key_fuzz", bytes([i, types]) + bytes.fromhex(case[encoding]["key"]))
    for case in load("kv/snapshot-metadata.json")["cases"]:
        add("kv_snapshot_fuzz", case["json"].encode())
    opens = bytes.fromhex("120408001800" "1800" "20c801")  # table 0 bucket 0, call 0, 200 bytes
    goes_on = [bytes.fromhex(f"0a0140" f"18{call:02x}" "20c801") for call in range(1, 9)]
    ends = bytes.fromhex("0a0140" "2801")
    for calls in ([opens], [opens, *goes_on], [opens, goes_on[0], ends, goes_on[1]], [opens] * 5, [goes_on[0]],
                  [opens, goes_on[3], goes_on[0], goes_on[0]], [ends, opens, ends],
                  [opens, b"", b"", b"", goes_on[0]]):
        add("scan_kv_fuzz", b"".join(len(call).to_bytes(2, "little") + call for call in calls))
    add("ranges_fuzz", b"\2\0" + b"STROMCR1" + bytes(8) + bytes(4) + bytes(4))
    segment = load("log/index_and_segment.json")
    add("disk_file_fuzz", b"\0" + segment["writer_snapshot"]["json"].encode())
    add("disk_file_fuzz", b"\1" + b"0\n2\n4 0 45\n7 12 1 1000\n")
    add("disk_file_fuzz", b"\5" + b"0\n2\n4 0 0 5 1004 1002 500 2 3 200 1003\n7 12 1 0 0 -1 -1 0 1 0 0 -1\n")
    add("disk_file_fuzz", b"\2" + bytes.fromhex(segment["offset_index"]["hex"]))
    add("disk_file_fuzz", b"\3" + bytes.fromhex(segment["time_index"]["hex"]))
    for manifest in load("log/remote_log.json")["manifests"]:
        add("disk_file_fuzz", b"\4" + manifest["json"].encode())
    bitmaps = load("kv-behaviour/roaring-bitmaps.json")
    for kind, name in enumerate(("rbm32", "rbm64")):
        sets = [bytes.fromhex(case["hex"]) for case in bitmaps[name]]
        for left, right in zip(sets, sets[1:] + sets[:1]):
            add("merge_fuzz", bytes([kind]) + len(left).to_bytes(2, "little") + left + right)
    for name in ("aggregation", "merge-engines"):
        for scenario in load(f"kv-behaviour/{name}.json")["scenarios"]:
            batches = [bytes.fromhex(step["kv_record_batch_hex"])
                       for step in scenario["steps"] if step["op"] == "put_kv"]
            for left, right in zip(batches, batches[1:]):
                # Of one short record: behind the batch's header, length, key length and key.
                left, right = left[34:], right[34:]
                for kind in (2, 4):
                    add("merge_fuzz",
                        bytes([kind]) + len(left).to_bytes(2, "little") + left + right)
    for target, values in seeds.items():
        folder = out / target
        folder.mkdir(parents=True, exist_ok=True)
        for data in values:
            (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
