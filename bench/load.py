"""Load for the servers: the real Python client, and frames over a few connections, so that the server
is the limit and not the client: by `strom bench`, or by hand where it has no such load."""

import asyncio
import json
import pathlib
import socket
import struct
import subprocess
import sys
import threading
import time

import fluss
import pyarrow as pa

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "python"))
import wire  # noqa: E402

DATABASE = "bench"


def warm_memory(folder, volume):
    """Before a load that makes a server write so many bytes: writes a file that is a little larger and deletes
    it. A virtual machine may have given idle memory back to its host: the first touch of such a page costs
    many times an append, and whoever comes first would pay it."""
    folder.mkdir(parents=True, exist_ok=True)
    path, piece = folder / "warm", bytes(1 << 20)
    with open(path, "wb", buffering=0) as f:
        for _ in range(int(volume * 1.2) // len(piece) + 1):
            f.write(piece)
    path.unlink()


class Usage:
    """with Usage(server) as used: … ; used.cpu, used.seconds"""

    def __init__(self, server):
        self.server = server

    def __enter__(self):
        self.cpu_before = self.server.cpu_seconds()
        self.all_before = self.server.cpu_seconds_of_all()
        self.started = time.monotonic()
        return self

    def __exit__(self, *_):
        self.seconds = time.monotonic() - self.started
        self.cpu = self.server.cpu_seconds() - self.cpu_before
        self.cpu_of_all = self.server.cpu_seconds_of_all() - self.all_before


# --- data ---


def schema_of(columns):
    """Half BIGINT, half STRING."""
    return pa.schema([(f"c{i}", pa.int64() if i % 2 == 0 else pa.string()) for i in range(columns)])


def rows_of(columns, rows, first=0):
    arrays = []
    for i in range(columns):
        values = range(first * (i + 1), first * (i + 1) + rows)
        arrays.append(pa.array(values, pa.int64()) if i % 2 == 0
                      else pa.array([f"value-{v % 1000:04}-of-{i}" for v in values]))
    return pa.record_batch(arrays, schema=schema_of(columns))


def frozen_batch(record_batch):
    """One stored batch (magic 0, ARROW, uncompressed) that no writer id is part of."""
    message = record_batch.serialize().to_pybytes()
    count = record_batch.num_rows
    tail = struct.pack("<hbiqii", 1, 1, count - 1, -1, -1, count) + message
    return struct.pack("<qibqI", 0, len(tail) + 13, 0, 0, wire.crc32c(tail)) + tail


# --- frames of our own ---


def create_table(server, name, columns, buckets=1):
    """The table's id, once the server takes appends to it."""
    admin = wire.Client(server.admin_port)
    types = [(f"c{i}", "BIGINT" if i % 2 == 0 else "STRING") for i in range(columns)]
    table = admin.create_table(DATABASE, name, buckets, types)
    admin.close()
    client = wire.Client(server.port)
    deadline = time.monotonic() + 60
    for bucket in range(buckets):
        while True:
            try:
                client.fetch(table, bucket, 0)
                break
            except wire.ServerError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
    client.close()
    return table


def drop_table(server, name):
    admin = wire.Client(server.admin_port)
    admin.call(1006, wire.block(1, wire.path(DATABASE, name)) + wire.number(2, 1))
    admin.close()


def frame(api, body, request_id):
    return struct.pack(">ihhi", 8 + len(body), api, 0, request_id) + body


class Stream:
    """One connection: `count` equal requests, `depth` of them under way. Answers are received and
    dropped; an error frame or a bucket error ends the run."""

    def __init__(self, port, request, count, depth, check):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request, self.count, self.depth, self.check = request, count, depth, check
        self.received_bytes = 0
        self.slots = threading.Semaphore(depth)
        self.error = None

    def run(self):
        reader = threading.Thread(target=self.read)
        reader.start()
        for _ in range(self.count):
            self.slots.acquire()
            if self.error:
                break
            self.socket.sendall(self.request)
        reader.join()
        self.socket.close()
        if self.error:
            raise self.error

    def read(self):
        buffer = bytearray(32 << 20)
        view = memoryview(buffer)
        try:
            for _ in range(self.count):
                self.fill(view[:4])
                (length,) = struct.unpack_from(">i", buffer)
                self.fill(view[:length])
                self.received_bytes += length
                self.check(buffer, length)
                self.slots.release()
        except Exception as error:  # handed to run()
            self.error = error
            self.slots.release()

    def fill(self, view):
        while view:
            got = self.socket.recv_into(view)
            if got == 0:
                raise ConnectionError("closed by the server")
            view = view[got:]


def check_produced(buffer, length):
    assert buffer[0] == 0, f"error frame {bytes(buffer[:length])!r}"
    entry = wire.fields(wire.fields(bytes(buffer[5:length]))[1][0])
    assert 3 not in entry, f"append refused: {entry}"


def check_frame(buffer, length):
    assert buffer[0] == 0, f"error frame {bytes(buffer[:min(length, 300)])!r}"


def run_streams(streams):
    threads = [threading.Thread(target=s.run) for s in streams]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for stream in streams:
        if stream.error:
            raise stream.error
    return sum(s.received_bytes for s in streams)


def fetch_body(table, bucket, offset, max_bytes, projection=None, predicate=None):
    inner = wire.number(1, table) + wire.number(2, 1 if projection else 0)
    if projection:
        inner += wire.block(3, b"".join(wire.varint(i) for i in projection))
    inner += wire.block(4, wire.number(2, bucket) + wire.number(3, offset) + wire.number(4, max_bytes))
    if predicate:
        inner += wire.block(5, predicate) + wire.number(6, 1)
    return wire.number(1, -1) + wire.number(2, max_bytes) + wire.block(3, inner)


def scan(server, table, end, projection=None, predicate=None, max_bytes=8 << 20, bucket=0):
    """Reads a bucket from 0 to `end` on one connection, two requests ahead is not possible as the next
    offset comes with the answer. Returns usage with rows' end and bytes on the wire."""
    client = wire.Client(server.port)
    offset, wire_bytes, requests = 0, 0, 0
    with Usage(server) as used:
        while offset < end:
            client.send(wire.FETCH_LOG, fetch_body(table, bucket, offset, max_bytes, projection, predicate), 0, 1)
            kind, _, body = client.receive()
            assert kind == 0, body[:200]
            requests += 1
            wire_bytes += len(body) + 9
            entry = wire.fields(wire.fields(wire.fields(body)[1][0])[2][0])
            assert 3 not in entry, entry
            records = entry[8][0]
            following = entry.get(9, [None])[0]
            if following is None:
                following = next_offset(records)
            assert following is not None and following > offset, f"stuck at {offset} of {end}"
            offset = following
    client.close()
    used.wire_bytes, used.requests = wire_bytes, requests
    return used


def next_offset(records):
    """Behind the last whole batch."""
    at, end = 0, None
    while len(records) - at >= 48:
        base, length, magic = struct.unpack_from("<qib", records, at)
        if at + 12 + length > len(records):
            break
        delta = struct.unpack_from("<i", records, at + 28)[0]
        end = base + delta + 1
        at += 12 + length
    return end


# --- strom bench ---


def native_command(server, verb, name, **options):
    command = [str(ROOT / "build/release/strom"), "bench", verb, "--json", "--bootstrap",
               f"127.0.0.1:{server.admin_port}", "--table", f"{DATABASE}.{name}", "--watch",
               str(server.processes[0].pid)]
    for key, value in options.items():
        # An option without a value is a flag.
        command += [f"--{key.replace('_', '-')}", *([str(value)] if value != "" else [])]
    return command


def native(server, verb, name, **options):
    return native_together(native_command(server, verb, name, **options))[0]


def native_together(*commands, timeout_s=600):
    """Runs `strom bench` commands at once and returns what each says; "cpu" is what the process of the
    server that carries the load spent meanwhile."""
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
               for command in commands]
    found = []
    for command, process in zip(commands, running):
        out, errors = process.communicate(timeout=timeout_s)
        assert process.returncode == 0, f"{' '.join(command)}: {errors}"
        figures = json.loads(out)
        assert figures["unsent"] == 0, f"{' '.join(command)}: the server is too slow for it: {out}"
        found.append({**figures, "cpu": figures["watched_cpu_seconds"][0]})
    return found


# --- the real client ---


async def connect(server):
    return await fluss.FlussConnection.create(
        fluss.Config({"bootstrap.servers": f"127.0.0.1:{server.admin_port}"}))


async def client_table(connection, name, columns, compression=None):
    admin = connection.get_admin()
    await admin.create_database(DATABASE, ignore_if_exists=True)
    path = fluss.TablePath(DATABASE, name)
    properties = {"table.log.arrow.compression.type": compression} if compression else {}
    await admin.create_table(path, fluss.TableDescriptor(fluss.Schema(schema_of(columns)), bucket_count=1,
                                                         properties=properties), ignore_if_exists=True)
    return await connection.get_table(path)


def client_append(server, name, batch, count, columns, compression):
    """`count` times the same rows through the client; bytes are those of the Arrow data."""

    async def body():
        connection = await connect(server)
        table = await client_table(connection, name, columns, compression)
        writer = table.new_append().create_writer()
        writer.write_arrow_batch(batch)
        await writer.flush()
        with Usage(server) as used:
            for i in range(count):
                writer.write_arrow_batch(batch)
                if i % 8 == 7:
                    await writer.flush()
            await writer.flush()
        used.bytes, used.rows = batch.nbytes * count, batch.num_rows * count
        await connection.close()
        return used

    return asyncio.run(body())


def client_scan(server, name, columns=None):
    async def body():
        connection = await connect(server)
        table = await connection.get_table(fluss.TablePath(DATABASE, name))
        scan_builder = table.new_scan()
        if columns:
            scan_builder = scan_builder.project_by_name(columns)
        scanner = await scan_builder.create_record_batch_log_scanner()
        scanner.subscribe_buckets({0: fluss.EARLIEST_OFFSET})
        with Usage(server) as used:
            result = await scanner.to_arrow()
        used.rows, used.bytes = result.num_rows, result.nbytes
        await connection.close()
        return used

    return asyncio.run(body())


def predicate_equal(field_id, value):
    """PbPredicate: column = BIGINT value."""
    literal = wire.number(1, 4) + wire.number(2, 0) + wire.number(5, value)
    leaf = wire.number(1, 0) + wire.number(2, field_id) + wire.block(3, literal)
    return wire.number(1, 0) + wire.block(2, leaf)


_frozen = {}


def frozen_batch_cached(columns, rows, first):
    """Stored batches whose ids start at `first`. The CRC in Python is slow, so each is made once."""
    key = (columns, rows, first)
    if key not in _frozen:
        _frozen[key] = frozen_batch(rows_of(columns, rows, first))
    return _frozen[key]
