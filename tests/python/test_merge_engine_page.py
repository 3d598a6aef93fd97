"""The examples of docs/merge-engines.md do what the page says."""

import json
import pathlib
import re

import pytest

import wire
from test_primary_key import Table
from wire import block, fields, number

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "merge-engines.md"
EXAMPLES = re.findall(r"```example\n(.*?)```", PAGE.read_text(), re.S)


class Page(Table):
    """id BIGINT, name STRING, score INT."""

    def __init__(self, server, name, properties, functions):
        self.client = wire.Client(server.port)
        columns = [{"name": "id", "data_type": {"type": "BIGINT", "nullable": False}, "id": 0},
                   {"name": "name", "data_type": {"type": "STRING"}, "id": 1},
                   {"name": "score", "data_type": {"type": "INTEGER"}, "id": 2}]
        for column in columns:
            if column["name"] in functions:
                column["agg_function"] = {"type": functions[column["name"]]}
        definition = {
            "version": 1, "schema": {"version": 1, "columns": columns, "primary_key": ["id"],
                                     "highest_field_id": 2},
            "partition_key": [], "bucket_key": ["id"], "bucket_count": 1,
            "properties": properties, "custom_properties": {}}
        self.client.call(wire.CREATE_DATABASE, block(1, "page") + number(2, 1))
        self.client.call(wire.CREATE_TABLE, block(1, wire.path("page", name))
                         + block(2, json.dumps(definition)) + number(3, 0))
        self.id = fields(self.client.call(wire.TABLE_INFO, block(1, wire.path("page", name))))[1][0]


def encode(id, name, score):
    nulls = (2 if name is None else 0) | (4 if score is None else 0)
    row = bytes([nulls]) + wire.varint(id)
    if name is not None:
        row += wire.varint(len(name)) + name.encode()
    if score is not None:
        row += wire.varint(score)
    return wire.varint(id), row


def parse(words):
    id, name, score = words
    return int(id), None if name == "-" else name, None if score == "-" else int(score)


def pairs(text):
    return dict(p.strip().split("=", 1) for p in text.split(",") if p.strip())


CHANGES = {0: "+A", 1: "+I", 2: "-U", 3: "+U", 4: "-D"}


def changes_of(log):
    found = []
    while log:
        length = int.from_bytes(log[8:12], "little") + 12
        count = int.from_bytes(log[44:48], "little")
        found += [CHANGES[b] for b in log[48:48 + count]] if length > 48 else []
        log = log[length:]
    return found


def test_the_page_has_an_example_of_every_engine():
    text = "".join(EXAMPLES)
    for engine in ("first_row", "versioned", "aggregation", "partial", "ignore"):
        assert engine in text


@pytest.mark.parametrize("example", EXAMPLES)
def test_example(shared_server, table_name, example):
    lines = example.strip().split("\n")
    assert lines[0].startswith("properties:")
    properties = pairs(lines.pop(0).partition(":")[2])
    functions = pairs(lines.pop(0).partition(":")[2]) if lines[0].startswith("aggregate:") else {}
    table = Page(shared_server, table_name, properties, functions)
    checked = 0
    for line in lines:
        verb, rest = line.split(" ", 1)
        if verb == "upsert":
            table.put([encode(*parse(rest.split()))])
        elif verb == "partial":
            assert rest.startswith("name: ")
            id, name = rest.removeprefix("name: ").split()
            table.put([encode(int(id), name, None)], targets=(0, 1))
        elif verb == "delete":
            table.put([(wire.varint(int(rest)), b"")])
        elif verb == "lookup":
            expected = None if rest == "none" else b"\1\0" + encode(*parse(rest.split()))[1]
            assert table.lookup(wire.varint(1)) == [expected]
            checked += 1
        elif verb == "changelog":
            records, _ = table.client.fetch(table.id, 0, 0)
            assert changes_of(records) == rest.split()
            checked += 1
        else:
            raise AssertionError(line)
    assert checked == 2
