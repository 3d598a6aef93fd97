"""The protocol by hand: frames and the few messages that the fault tests need. Real clients drive
everything else; this one can be rude, fast and cut off."""

import socket
import struct

import pyarrow as pa

API_VERSIONS, CREATE_DATABASE, CREATE_TABLE, TABLE_INFO = 1000, 1001, 1005, 1007
TABLE_EXISTS, METADATA, PRODUCE_LOG, FETCH_LOG, LIST_OFFSETS, INIT_WRITER = 1010, 1012, 1014, 1015, 1021, 1026

_CRC_TABLE = []
for _n in range(256):
    for _ in range(8):
        _n = (_n >> 1) ^ (0x82F63B78 if _n & 1 else 0)
    _CRC_TABLE.append(_n)


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


# --- protobuf ---


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def block(field: int, data) -> bytes:
    data = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(data)) + data


def fields(data: bytes) -> dict:
    """Field number -> list of values; numbers as signed 64-bit."""
    found, at = {}, 0

    def read():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        tag = read()
        if tag & 7 == 0:
            value = read()
            value -= (value >> 63) << 64
        elif tag & 7 == 2:
            size = read()
            value = data[at : at + size]
            at += size
        else:
            raise ValueError(f"wire type {tag & 7}")
        found.setdefault(tag >> 3, []).append(value)
    return found


def path(database, table):
    return block(1, database) + block(2, table)


# --- frames ---


class ServerError(Exception):
    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Client:
    def __init__(self, port, timeout_s=30.0):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.next_id = 0

    def close(self):
        self.socket.close()

    def send(self, api, body, version=0, request_id=None):
        if request_id is None:
            request_id = self.next_id
            self.next_id += 1
        self.socket.sendall(struct.pack(">ihhi", 8 + len(body), api, version, request_id) + body)
        return request_id

    def receive_exactly(self, count):
        data = bytearray()
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise ConnectionError("closed by the server")
            data += piece
        return bytes(data)

    def receive(self):
        """(type, request id, body)"""
        (length,) = struct.unpack(">i", self.receive_exactly(4))
        payload = self.receive_exactly(length)
        kind, request_id = struct.unpack(">bi", payload[:5])
        return kind, request_id, payload[5:]

    def call(self, api, body=b"", version=0):
        sent = self.send(api, body, version)
        kind, request_id, answer = self.receive()
        assert request_id == sent, (request_id, sent)
        if kind != 0:
            error = fields(answer)
            code = error[1][0]
            raise ServerError(code - (1 << 32) if code > 2**31 else code,
                              error.get(2, [b""])[0].decode())
        return answer

    # --- requests ---

    def create_table(self, database, table, buckets=1, columns=(("id", "BIGINT"),)):
        import json
        self.call(CREATE_DATABASE, block(1, database) + number(2, 1))
        descriptor = {
            "version": 1,
            "schema": {"version": 1, "highest_field_id": len(columns) - 1, "columns": [
                {"name": n, "data_type": {"type": t}, "id": i} for i, (n, t) in enumerate(columns)]},
            "partition_key": [], "bucket_key": [], "bucket_count": buckets,
            "properties": {"table.log.arrow.compression.type": "NONE"}, "custom_properties": {}}
        self.call(CREATE_TABLE, block(1, path(database, table)) + block(2, json.dumps(descriptor))
                  + number(3, 0))
        return fields(self.call(TABLE_INFO, block(1, path(database, table))))[1][0]

    def init_writer(self, database, table):
        return fields(self.call(INIT_WRITER, block(1, path(database, table))))[1][0]

    def produce(self, table_id, bucket, batch, acks=-1):
        """Base offset of the append."""
        answer = self.call(PRODUCE_LOG, produce_body(table_id, bucket, batch, acks))
        entry = fields(fields(answer)[1][0])
        if 3 in entry:
            raise ServerError(entry[3][0], entry.get(4, [b""])[0].decode())
        return entry[5][0]

    def fetch(self, table_id, bucket, offset, max_bytes=16 << 20):
        """(records, high watermark)"""
        answer = self.call(FETCH_LOG, fetch_body(table_id, bucket, offset, max_bytes))
        entry = fields(fields(fields(answer)[1][0])[2][0])
        if 3 in entry:
            raise ServerError(entry[3][0], entry.get(4, [b""])[0].decode())
        return entry[8][0], entry[5][0]

    def read_changes(self, table_id, bucket):
        """All changes of a changelog (see parse_changes)."""
        changes, offset = [], 0
        while True:
            records, high_watermark = self.fetch(table_id, bucket, offset)
            for base, batch, end in parse_changes(records):
                assert base == offset, "offsets have a gap"
                changes += batch
                offset = end
            if offset >= high_watermark:
                return changes

    def read_all(self, table_id, bucket):
        """All batches of a bucket as (base offset, ids)."""
        batches, offset = [], 0
        while True:
            records, high_watermark = self.fetch(table_id, bucket, offset)
            for base, ids, end in parse_batches(records):
                batches.append((base, ids))
                offset = end
            if offset >= high_watermark:
                return batches


def produce_body(table_id, bucket, batch, acks=-1, timeout_ms=30_000):
    return (number(1, acks) + number(2, table_id) + number(3, timeout_ms)
            + block(4, number(2, bucket) + block(3, batch)))


def fetch_body(table_id, bucket, offset, max_bytes=16 << 20, max_wait_ms=None, min_bytes=None):
    body = number(1, -1) + number(2, max_bytes)
    body += block(3, number(1, table_id) + number(2, 0)
                  + block(4, number(2, bucket) + number(3, offset) + number(4, max_bytes)))
    if max_wait_ms is not None:
        body += number(4, max_wait_ms)
    if min_bytes is not None:
        body += number(5, min_bytes)
    return body


# --- batches of one BIGINT column ---


def make_batch(ids, writer_id=-1, sequence=-1):
    """Magic 0, ARROW, append-only, uncompressed."""
    message = pa.record_batch([pa.array(ids, pa.int64())], names=["id"]).serialize().to_pybytes()
    tail = struct.pack("<hbiqii", 1, 1, len(ids) - 1, writer_id, sequence, len(ids)) + message
    return struct.pack("<qibqI", 0, len(tail) + 13, 0, 0, crc32c(tail)) + tail


SCHEMA = pa.schema([("id", pa.int64())])
KEYED = pa.schema([("id", pa.int64()), ("name", pa.string()), ("number", pa.int64())])


def parse_batches(records):
    """(base offset, ids, next offset) of each whole batch; the CRC is checked."""
    for base, offsets, tail in split_batches(records):
        batch = pa.ipc.read_record_batch(pa.py_buffer(tail[23:]), SCHEMA)
        yield base, batch["id"].to_pylist(), base + offsets


def parse_changes(records):
    """(base offset, (change type, id, (name, number)) of each record, next offset) of each whole
    changelog batch of the columns of KEYED, uncompressed."""
    for base, offsets, tail in split_batches(records):
        (count,) = struct.unpack_from("<i", tail, 19)
        changes = []
        if count:
            batch = pa.ipc.read_record_batch(pa.py_buffer(tail[23 + count:]), KEYED)
            changes = [(change, row["id"], (row["name"], row["number"]))
                       for change, row in zip(tail[23:], batch.to_pylist())]
        yield base, changes, base + offsets


def split_batches(records):
    """(base offset, offsets it takes, bytes behind the CRC) of each whole batch."""
    at = 0
    while len(records) - at >= 48:
        base, length, magic, _, crc = struct.unpack_from("<qibqI", records, at)
        if at + 12 + length > len(records):
            return
        tail = records[at + 25 : at + 12 + length]
        assert magic == 0 and crc32c(tail) == crc, "a served batch is damaged"
        delta = struct.unpack_from("<i", tail, 3)[0]
        yield base, delta + 1, tail
        at += 12 + length
