"""A primary-key table (id BIGINT, name STRING) driven by raw requests."""

import json
import struct

import wire
from wire import Client, ServerError, block, fields, number

PUT_KV, LOOKUP, PREFIX_LOOKUP, LIMIT_SCAN, SCAN_KV, TABLE_STATS = 1016, 1017, 1034, 1033, 1061, 1059


def kv_batch(records, schema=1, writer=-1, sequence=-1):
    body = b"".join(struct.pack("<i", len(wire.varint(len(k))) + len(k) + len(r))
                    + wire.varint(len(k)) + k + r for k, r in records)
    rest = struct.pack("<hbqii", schema, 0, writer, sequence, len(records)) + body
    return struct.pack("<ib", len(rest) + 5, 0) + struct.pack("<I", wire.crc32c(rest)) + rest


def compact(id, name):
    """A row (id BIGINT NOT NULL, name STRING) and its key."""
    key = wire.varint(id)
    if name is None:
        return key, b"\x02" + key
    return key, b"\x00" + key + wire.varint(len(name)) + name.encode()


class Table:
    """A table (id BIGINT, name STRING) with primary key id, by raw requests."""

    def __init__(self, server, name, nullable=True, buckets=1, numbered=None, **properties):
        """With `numbered` there is a third column (number BIGINT), if true of auto-increment."""
        self.client = Client(server.port)
        definition = {
            "version": 1, "schema": {"version": 1, "columns": [
                {"name": "id", "data_type": {"type": "BIGINT", "nullable": False}, "id": 0},
                {"name": "name", "data_type": {"type": "STRING", **({} if nullable else {"nullable": False})}, "id": 1}],
                "primary_key": ["id"], "highest_field_id": 1},
            "partition_key": [], "bucket_key": ["id"], "bucket_count": buckets,
            "properties": properties, "custom_properties": {}}
        if numbered is not None:
            schema = definition["schema"]
            schema["columns"].append({"name": "number", "data_type": {"type": "BIGINT"}, "id": 2})
            schema["highest_field_id"] = 2
            if numbered:
                schema["auto_increment_column"] = ["number"]
        try:
            self.client.call(wire.CREATE_DATABASE, block(1, "raw") + number(2, 1))
        except ServerError:
            pass
        self.client.call(wire.CREATE_TABLE, block(1, wire.path("raw", name))
                         + block(2, json.dumps(definition)) + number(3, 0))
        self.id = fields(self.client.call(wire.TABLE_INFO, block(1, wire.path("raw", name))))[1][0]

    def put(self, records=(), targets=(), batch=None, acks=-1, bucket=0):
        batch = kv_batch(records) if batch is None else batch
        answer = fields(self.client.call(
            PUT_KV, number(1, acks) + number(2, self.id) + number(3, 10_000)
            + b"".join(number(4, t) for t in targets)
            + block(5, number(2, bucket) + block(3, batch)), version=2))
        entry = fields(answer[1][0])
        if 3 in entry:
            raise ServerError(entry[3][0], entry[4][0].decode())
        return entry[5][0]

    def lookup(self, *keys, insert=False):
        body = number(1, self.id) + block(2, number(2, 0) + b"".join(block(3, k) for k in keys))
        if insert:
            body += number(3, 1) + number(4, -1) + number(5, 10_000)
        entry = fields(fields(self.client.call(LOOKUP, body, version=1))[1][0])
        if 3 in entry:
            raise ServerError(entry[3][0], entry[4][0].decode())
        return [fields(v).get(1, [None])[0] for v in entry[5]]
