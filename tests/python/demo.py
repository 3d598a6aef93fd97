#!/usr/bin/env python3
"""`./dev demo`: what Strom does for an unmodified client, in half a minute.

Starts a server on its defaults in a temporary folder, drives it with the Python client (pyfluss)
through a small proxy that counts bytes, and says what happened. Exit code 0 only if every row came
back as it was written.
"""

import asyncio
import shutil
import socket
import sys
import tempfile
import threading
import time

import fluss
import pyarrow as pa

from strom_server import StromServer, free_port

ROWS = 200_000
ROWS_PER_BATCH = 5_000
# The client blocks for good when it fills its own buffer of 64 MB between two flushes.
BATCHES_PER_FLUSH = 8
BUCKETS = 4
ACCOUNTS = 20_000
# Half BIGINT, half STRING, as an event table that nobody reads whole.
COLUMNS = [(f"number{i}", pa.int64()) for i in range(10)] + [(f"text{i}", pa.string()) for i in range(10)]
SCHEMA = pa.schema(COLUMNS)
WANTED = ["number0", "text3"]


class CountingProxy:
    """Passes TCP connections on to a port and counts what the server sends and receives.

    The server advertises the proxy's address, so that all traffic of the client comes through it.
    """

    def __init__(self, port, target_port):
        self._target = ("127.0.0.1", target_port)
        self._listener = socket.create_server(("127.0.0.1", port))
        self._lock = threading.Lock()
        self.from_server_bytes = 0
        self.to_server_bytes = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
            except OSError:
                return
            for pair in ((client, server, "to_server_bytes"), (server, client, "from_server_bytes")):
                threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source, sink, counter):
        try:
            while data := source.recv(256 * 1024):
                with self._lock:
                    setattr(self, counter, getattr(self, counter) + len(data))
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            for end in (source, sink):
                end.close()


class Step:
    """Prints one line: what was done, how long it took, the bytes that crossed the wire."""

    def __init__(self, proxy, title):
        self._proxy, self._title = proxy, title

    def __enter__(self):
        self._sent, self._received = self._proxy.to_server_bytes, self._proxy.from_server_bytes
        self._began = time.monotonic()
        return self

    def __exit__(self, kind, *_):
        self.seconds = time.monotonic() - self._began
        self.to_server_bytes = self._proxy.to_server_bytes - self._sent
        self.from_server_bytes = self._proxy.from_server_bytes - self._received
        if kind is None:
            print(f"  {self._title:<44} {self.seconds:7.3f} s   to the server {size(self.to_server_bytes):>9}"
                  f"   from it {size(self.from_server_bytes):>9}", flush=True)


def size(count):
    return f"{count / 1e6:.2f} MB" if count >= 100_000 else f"{count / 1e3:.2f} kB"


def batches():
    for first in range(0, ROWS, ROWS_PER_BATCH):
        ids = range(first, first + ROWS_PER_BATCH)
        columns = [pa.array([i * 31 + c for i in ids], kind) if c < 10 else
                   pa.array([f"event {i} of column {c}" for i in ids], kind)
                   for c, (_, kind) in enumerate(COLUMNS)]
        yield pa.record_batch(columns, schema=SCHEMA)


async def scan(table, columns=None):
    builder = table.new_scan()
    if columns is not None:
        builder = builder.project_by_name(columns)
    scanner = await builder.create_record_batch_log_scanner()
    scanner.subscribe_buckets({bucket: fluss.EARLIEST_OFFSET for bucket in range(BUCKETS)})
    return await scanner.to_arrow()


def same_rows(written, read):
    """Buckets interleave, so both sides are put in the order of the first column."""
    by_first = [(written.column_names[0], "ascending")]
    return read.schema.names == written.schema.names and (
        read.sort_by(by_first).to_pydict() == written.sort_by(by_first).to_pydict())


async def keyed_table(connection, admin, proxy):
    """A primary-key table: upserts, a partial update, lookups, the changelog. What went wrong, or None."""
    path = fluss.TablePath("demo", "accounts")
    schema = fluss.Schema(pa.schema([("id", pa.int64()), ("owner", pa.string()), ("balance", pa.int64())]),
                          primary_keys=["id"])
    await admin.create_table(path, fluss.TableDescriptor(schema, bucket_count=1))
    table = await connection.get_table(path)
    with Step(proxy, f"upsert {ACCOUNTS:,} accounts") as upserts:
        writer = table.new_upsert().create_writer()
        for id in range(ACCOUNTS):
            writer.upsert({"id": id, "owner": f"owner {id}", "balance": 100})
        await writer.flush()
    with Step(proxy, "update one column of one, delete another"):
        partial = table.new_upsert().partial_update_by_name(["id", "balance"]).create_writer()
        partial.upsert({"id": 7, "balance": 250})
        await partial.flush()
        writer.delete({"id": 8})
        await writer.flush()
    with Step(proxy, "look both up"):
        lookuper = table.new_lookup().create_lookuper()
        found = [await lookuper.lookup({"id": id}) for id in (7, 8)]
    scanner = await table.new_scan().create_log_scanner()
    scanner.subscribe(0, ACCOUNTS)
    changes = []
    while len(changes) < 3:
        changes += [(str(record.change_type), record.row) for record in await scanner.poll(1000)]
    print(f"\n  {ACCOUNTS / upserts.seconds:,.0f} upserts/s. The lookups gave {found[0]} and {found[1]}.\n"
          "  The changelog behind the first upserts:")
    for change, row in changes:
        print(f"    {change} {row}")
    before, after = ({"id": 7, "owner": "owner 7", "balance": balance} for balance in (100, 250))
    gone = {"id": 8, "owner": "owner 8", "balance": 100}
    if found != [after, None]:
        return "the lookups did not return what was written"
    if changes != [("-U", before), ("+U", after), ("-D", gone)]:
        return "the changelog is not what was done"
    return None


async def drive(address, proxy):
    """Returns what went wrong, or None."""
    written = pa.Table.from_batches(batches())
    with Step(proxy, "connect"):
        connection = await fluss.FlussConnection.create(fluss.Config({"bootstrap.servers": address}))
    path = fluss.TablePath("demo", "events")
    with Step(proxy, "create database demo, table demo.events"):
        admin = connection.get_admin()
        await admin.create_database("demo", ignore_if_exists=True)
        await admin.create_table(path, fluss.TableDescriptor(
            fluss.Schema(SCHEMA), bucket_count=BUCKETS,
            properties={"table.log.arrow.compression.type": "NONE"}))
        table = await connection.get_table(path)
    with Step(proxy, f"append {ROWS:,} rows, acknowledged on disk") as append:
        writer = table.new_append().create_writer()
        for number, batch in enumerate(written.to_batches(), 1):
            writer.write_arrow_batch(batch)
            if number % BATCHES_PER_FLUSH == 0:
                await writer.flush()
    with Step(proxy, f"scan all {len(COLUMNS)} columns") as full:
        all_columns = await scan(table)
    with Step(proxy, f"scan the columns {' and '.join(WANTED)}") as projected:
        two_columns = await scan(table, WANTED)
    wrong = await keyed_table(connection, admin, proxy)
    await connection.close()
    if wrong:
        return wrong

    print(f"\n  {ROWS / append.seconds:,.0f} rows/s appended; {all_columns.num_rows:,} rows read back, "
          f"{two_columns.num_rows:,} of them a second time with {len(WANTED)} columns.")
    saved = 1 - projected.from_server_bytes / full.from_server_bytes
    print(f"  On the wire the full scan took {size(full.from_server_bytes)}, the projected one "
          f"{size(projected.from_server_bytes)}:\n  the server left out the other "
          f"{len(COLUMNS) - len(WANTED)} columns and saved {saved:.1%}.")
    if not same_rows(written, all_columns):
        return "the full scan did not return the rows that were written"
    if not same_rows(written.select(WANTED), two_columns):
        return "the projected scan did not return the rows that were written"
    if saved < 0.5:
        return "projection saved less than half of the bytes"
    return None


def main():
    folder = tempfile.mkdtemp(prefix="strom-demo-")
    advertised = free_port()
    server = StromServer(f"{folder}/data", {"advertised.listeners": f"FLUSS://127.0.0.1:{advertised}"})
    proxy = CountingProxy(advertised, server.port)
    problem = "the demo did not end"
    try:
        began = time.monotonic()
        server.start()
        print(f"Strom is ready after {(time.monotonic() - began) * 1000:.0f} ms, "
              f"{server.memory_bytes() / 1e6:.0f} MB resident. The Python client (pyfluss) does the rest:\n")
        problem = asyncio.run(asyncio.wait_for(drive(f"127.0.0.1:{advertised}", proxy), 300))
        print(f"  The server now holds {server.memory_bytes() / 1e6:.0f} MB resident "
              "(mapped log files included).")
    finally:
        code = server.stop()
        proxy.close()
        if code != 0:
            problem = f"the server ended with exit code {code}:\n{server.log()}"
        shutil.rmtree(folder, ignore_errors=True)
    if problem:
        print(f"\nFAILED: {problem}", file=sys.stderr)
        return 1
    print("\nAll rows came back as they were written. For a server that stays up: ./dev run")
    return 0


if __name__ == "__main__":
    sys.exit(main())
