"""What is measured. A figure is a function of a running server that gives values by name; each is run
several times and the first run is dropped (cold memory, cold JIT)."""

import time

import load

GB = 1e9

# name of a value: (unit, budget and aim as ratios to the peer or absolute, what it is)
BUDGETS = {
    "append (client, NONE)": ("CPU-s/GB", 0.4, 0.15),
    "append (client, NONE, fsync ack)": ("CPU-s/GB", 0.6, 0.25),
    "append (frames)": ("CPU-s/GB", 0.4, 0.15),
    "append (frames, fsync ack)": ("CPU-s/GB", 0.6, 0.25),
    "scan (client)": ("CPU-s/GB", 0.5, 0.2),
    "scan (frames)": ("CPU-s/GB", 0.5, 0.2),
    "scan 2 of 20 columns (client)": ("CPU-s/1e9 rows", 0.4, 0.1),
    "scan 2 of 20 columns (frames)": ("CPU-s/1e9 rows", 0.4, 0.1),
    "upsert": ("CPU-us/row", 0.6, 0.3),
    "update": ("CPU-us/row", 0.6, 0.3),
    "lookup of 1 key, 1 in flight": ("CPU-us/key", 0.25, 0.1),
    "lookup of 1 key, 16 in flight": ("CPU-us/key", 0.25, 0.1),
    "lookup of 1 key, 256 in flight": ("CPU-us/key", 0.25, 0.1),
    "lookup of 128 keys": ("CPU-us/key", 0.6, 0.3),
}
# value: (limit, aim), of Strom alone
LIMITS = {
    "start to ready": (300, 50),
    "resident, idle": (60, 25),
    "resident with 1000 primary-key buckets": (600, 150),
    "resident with 1000 primary-key buckets, idle": (600, 150),
}

# For lookups of what is not in the cache; the page cache holds it.
CACHES_OF_STROM = {"kv.rocksdb.shared-block-cache.size": "8mb", "kv.rocksdb.writebuffer.size": "4mb"}
CACHES_OF_PEER = {"kv.rocksdb.block.cache-size": "8mb", "kv.rocksdb.writebuffer.size": "4mb"}
# So that buckets become idle while they are waited for.
SOON_IDLE = {"kv.close-idle-interval": "20 s", "log.close-idle-interval": "20 s", "kv.snapshot.interval": "5 s"}

COLUMNS = 20
CLIENT_ROWS = 4000  # of a batch that the client writes
FRAME_BYTES = 1 << 20
STORED_ROW_BYTES = 1000  # of a row of 20 columns, about: changelog with both images, write buffer, files
LONG_S = 300  # for loads that end by their number of requests


class Figures:
    """Figures of one server; `scale` shrinks the volumes."""

    def __init__(self, server, fsync=None, scale=1.0):
        self.server = server
        self.scale = scale
        self.suffix = f", fsync {fsync}" if fsync == "ack" else ""
        self.number = 0
        self.batches = {}

    def name(self):
        self.number += 1
        return f"t{self.number}"

    def warm(self, volume):
        load.warm_memory(self.server.folder.parent, volume)

    def rows(self, columns, rows):
        return self.batches.setdefault((columns, rows), load.rows_of(columns, rows))

    def frozen(self, columns=COLUMNS, size=FRAME_BYTES):
        """A stored batch of about `size` bytes, and its rows."""
        key = ("frozen", columns, size)
        if key not in self.batches:
            some = load.rows_of(columns, 100)
            rows = max(1, int(100 * size / some.nbytes))
            batch = load.rows_of(columns, rows)
            self.batches[key] = (load.frozen_batch(batch), rows)
        return self.batches[key]

    def produce(self, name, total_bytes, **options):
        """Batches of about FRAME_BYTES by `strom bench`; makes the table."""
        options = {"connections": 2, "in_flight": 4, "columns": COLUMNS, **options}
        self.warm(total_bytes)
        return load.native(self.server, "produce", name, batch_bytes=FRAME_BYTES, seconds=LONG_S,
                           count=max(1, total_bytes // FRAME_BYTES), **options)

    def append(self):
        """Arrow batches through the real client, and frames on two connections, four deep."""
        values = {}
        for compression in ("NONE", None):
            rows = self.rows(COLUMNS, CLIENT_ROWS)
            name = self.name()
            count = int(300 * self.scale) + 1
            self.warm(count * rows.nbytes)
            used = load.client_append(self.server, name, rows, count, COLUMNS, compression)
            load.drop_table(self.server, name)
            values[f"append (client, {compression or 'default ZSTD'}{self.suffix})"] = used.cpu / (used.bytes / GB)
        name = self.name()
        used = self.produce(name, int(2e9 * self.scale))
        load.drop_table(self.server, name)
        values[f"append (frames{self.suffix})"] = used["cpu"] / (used["record_bytes"] / GB)
        values[f"append rate (frames{self.suffix})"] = used["record_bytes_per_second"] / GB
        return values

    def scan(self):
        """All of a table, 2 and 1 of its 20 columns: real client and frames."""
        name = self.name()
        rows = self.rows(COLUMNS, CLIENT_ROWS)
        written = load.client_append(self.server, name, rows, int(200 * self.scale) + 1, COLUMNS, "NONE")
        total = written.rows + rows.num_rows
        values = {}
        used = load.client_scan(self.server, name)
        assert used.rows == total, (used.rows, total)
        values["scan (client)"] = used.cpu / (used.bytes / GB)
        for columns in (["c0", "c1"], ["c0"]):
            used = load.client_scan(self.server, name, columns)
            assert used.rows == total
            values[f"scan {len(columns)} of 20 columns (client)"] = used.cpu / (used.rows / 1e9)
        load.drop_table(self.server, name)
        return {**values, **self.frames_scan(COLUMNS, [[0, COLUMNS // 2], [0]])}

    def frames_scan(self, columns, projections):
        name = self.name()
        written = self.produce(name, int(5e8 * self.scale), columns=columns)
        values = {}

        def fetch(passes, **options):
            used = load.native(self.server, "fetch", name, fetch_bytes=8 << 20, passes=passes,
                               seconds=LONG_S, **options)
            assert used["rows"] == written["rows"] * passes, (used["rows"], written["rows"], passes)
            return used

        full = fetch(1)
        if columns == COLUMNS:
            values["scan (frames)"] = full["cpu"] / (full["received_bytes"] / GB)
            values["scan rate (frames)"] = full["received_bytes"] / GB / full["seconds"]
        for projection in projections:
            used = fetch(5, project=",".join(str(i) for i in projection))
            what = f"scan {len(projection)} of {columns} columns"
            values[f"{what} (frames)"] = used["cpu"] / (used["rows"] / 1e9)
            values[f"{what} (wire bytes)"] = 100 * used["received_bytes"] / 5 / full["received_bytes"]
        load.drop_table(self.server, name)
        return values

    def wide(self):
        """10 of 200 columns."""
        return self.frames_scan(200, [list(range(0, 200, 20))])

    def filter(self):
        """A filter that 1 % of the batches match; bytes on the wire beside those of a full scan."""
        name = self.name()
        table = load.create_table(self.server, name, COLUMNS)
        client = load.wire.Client(self.server.port)
        rows, count = 500, 300
        for i in range(count):
            client.produce(table, 0, load.frozen_batch_cached(COLUMNS, rows, i * rows))
        full = load.scan(self.server, table, rows * count)
        values = {}
        for label in ("first", "again"):
            used = load.scan(self.server, table, rows * count, predicate=load.predicate_equal(0, rows * 7 + 3))
            values[f"filtered scan, {label} (wire bytes)"] = 100 * used.wire_bytes / full.wire_bytes
        client.close()
        load.drop_table(self.server, name)
        return values

    def latency(self):
        """Appends of 1 KiB at fixed rates, from when they were due."""
        name = self.name()
        values = {}
        for rate in (200, 1000, 4000):
            used = load.native(self.server, "produce", name, columns=2, batch_bytes=1024, rate=rate,
                               seconds=3 * max(self.scale, 0.3))
            for share, key in ((50, "p50"), (99, "p99"), (99.9, "p99_9")):
                values[f"append latency p{share:g} at {rate}/s{self.suffix}"] = used["latency_us"][key] / 1e3
        load.drop_table(self.server, name)
        return values

    def concurrent(self):
        """8 producers and 8 readers on 8 buckets at once."""
        name = self.name()
        shape = {"columns": COLUMNS, "batch_bytes": 64 << 10, "buckets": 8, "connections": 8,
                 "in_flight": 4, "seconds": LONG_S}
        load.native(self.server, "produce", name, **shape, count=max(1, int(2e8 * self.scale) >> 16))
        requests = int(3e8 * self.scale) >> 16
        self.warm(5e8 * self.scale)
        with load.Usage(self.server) as used:
            found = load.native_together(
                load.native_command(self.server, "produce", name, **shape, count=requests),
                load.native_command(self.server, "fetch", name, connections=8, passes=0,
                                    fetch_bytes=1 << 20, seconds=LONG_S, count=requests // 8 + 8))
        moved = sum(one["record_bytes"] for one in found)
        load.drop_table(self.server, name)
        return {f"8 producers and 8 readers{self.suffix}": used.cpu / (moved / GB)}

    def buckets(self, counts=(1, 100, 10_000)):
        """What an append and a fetch of one bucket cost with so many buckets on the server."""
        values = {}
        batch, _ = self.frozen(2, 1024)
        for count in counts:
            left, names = count, []
            table = None
            started = time.monotonic()
            while left > 0:
                name, part = self.name(), min(left, 1000)
                names.append(name)
                # Only one is waited for: with thousands that would be the whole measurement.
                table = load.create_table(self.server, name, 2, part)
                left -= part
            values[f"creating {count} buckets"] = time.monotonic() - started
            requests = int(20_000 * self.scale) + 1000
            for what, body, check in (
                    ("append", (load.wire.PRODUCE_LOG, load.wire.produce_body(table, 0, batch)), load.check_produced),
                    ("fetch", (load.wire.FETCH_LOG, load.fetch_body(table, 0, 0, 2048)), load.check_frame)):
                stream = load.Stream(self.server.port, load.frame(*body, 1), requests, 16, check)
                with load.Usage(self.server) as used:
                    load.run_streams([stream])
                values[f"{what} of 1 KiB with {count} buckets"] = used.cpu / requests * 1e6
            values[f"resident with {count} buckets"] = self.server.resident_bytes() / 1e6
            for name in names:
                load.drop_table(self.server, name)
        return values

    def put(self, name, rows, **options):
        """Rows of 20 columns in requests of 1,000; CPU-us a row."""
        options = {"keys": rows, "rows": 1000, "count": max(1, rows // 1000), "in_flight": 4,
                   "seconds": LONG_S, "columns": COLUMNS, **options}
        self.warm(rows * STORED_ROW_BYTES)
        used = load.native(self.server, "put", name, **options)
        return used["cpu"] / used["rows"] * 1e6

    def upsert(self):
        """New rows, then the same keys again in order and at random, two columns of them, deletes; then an
        aggregating table."""
        rows = int(400_000 * self.scale) // 1000 * 1000
        name = self.name()
        values = {}
        values[f"upsert{self.suffix}"] = self.put(name, rows)
        values[f"update{self.suffix}"] = self.put(name, rows)
        values[f"update, random keys{self.suffix}"] = self.put(name, rows, random="")
        values[f"partial update{self.suffix}"] = self.put(name, rows, target_columns="0,1,2")
        requests = max(1, rows // 1000)
        with load.Usage(self.server) as used:
            found = load.native_together(
                load.native_command(self.server, "put", name, keys=rows, rows=1000, count=requests,
                                    in_flight=4, seconds=LONG_S, columns=COLUMNS),
                load.native_command(self.server, "fetch", name, passes=1, fetch_bytes=8 << 20,
                                    seconds=LONG_S))
        changes = found[0]["rows"] + found[1]["rows"]
        values[f"update and changelog scan at once{self.suffix}"] = used.cpu / changes * 1e6
        values[f"delete{self.suffix}"] = self.put(name, rows, deletes="")
        self.at_rate(values, f"upsert of 100 rows at 500/s{self.suffix}", "put", name, keys=rows, rows=100,
                     rate=500, columns=COLUMNS, random="")
        load.drop_table(self.server, name)
        name = self.name()
        engine = '"table.merge-engine":"aggregation"'
        self.put(name, rows, properties=engine)
        values[f"aggregation{self.suffix}"] = self.put(name, rows, properties=engine)
        load.drop_table(self.server, name)
        return values

    def at_rate(self, values, what, command, table, **options):
        """Latencies from when each request was due: one that waits behind a slow one counts as slow."""
        used = load.native(self.server, command, table, seconds=3 * max(self.scale, 0.3), **options)
        for share, key in ((50, "p50"), (99, "p99"), (99.9, "p99_9")):
            values[f"{what}: latency p{share:g}"] = used["latency_us"][key] / 1e3

    def beyond_cache(self):
        """Lookups whose working set is several times the block cache (CACHES_OF_STROM, CACHES_OF_PEER)."""
        rows = int(400_000 * self.scale) // 1000 * 1000
        name = self.name()
        self.put(name, rows)
        values = {}
        for what, keys, depth, count in (("1 key, 16 in flight", 1, 16, 40_000), ("128 keys", 128, 4, 2000)):
            used = load.native(self.server, "lookup", name, keys=rows, rows=keys, in_flight=depth,
                               count=int(count * self.scale) + 500, seconds=LONG_S)
            values[f"lookup of {what}, beyond the cache"] = used["cpu"] / used["rows"] * 1e6
        self.at_rate(values, "lookup at 2000/s, beyond the cache", "lookup", name, keys=rows, rows=1, rate=2000)
        load.drop_table(self.server, name)
        return values

    def lookup(self):
        """Keys at random: one at a time and many in flight, many in a request, groups by their prefix."""
        rows = int(500_000 * self.scale) // 1000 * 1000
        name, groups = self.name(), self.name()
        self.put(name, rows)
        values = {}
        # The working set is in memory: what a lookup reads has been read before.
        load.native(self.server, "lookup", name, keys=rows, rows=128, count=rows // 32, in_flight=4,
                    seconds=LONG_S)

        def look(what, table, count, keys=1, **options):
            used = load.native(self.server, "lookup", table, keys=rows, rows=keys, count=count,
                               seconds=LONG_S, **options)
            values[what] = used["cpu"] / used["rows"] * 1e6
            return used

        for depth, count in ((1, 10_000), (16, 40_000), (256, 80_000)):
            what = f"lookup of 1 key, {depth} in flight"
            used = look(what, name, int(count * self.scale) + 1000, in_flight=depth)
            for share, key in ((50, "p50"), (99, "p99"), (99.9, "p99_9")):
                values[f"{what}: latency p{share:g}"] = used["latency_us"][key] / 1e3
        self.at_rate(values, "lookup at 2000/s", "lookup", name, keys=rows, rows=1, rate=2000)
        self.at_rate(values, "lookup of 128 keys at 500/s", "lookup", name, keys=rows, rows=128, rate=500)
        look("lookup of 128 keys", name, int(4000 * self.scale) + 100, 128, in_flight=4)
        load.drop_table(self.server, name)
        self.put(groups, rows, group=20)
        look("prefix lookup of 20 rows", groups, int(20_000 * self.scale) + 500, 1, in_flight=16,
             group=20, prefixes="")
        load.drop_table(self.server, groups)
        return values

    def idle(self):
        """1,000 primary-key buckets of 100 rows each: right after the writes, and when they have been closed."""
        for _ in range(10):
            load.native(self.server, "put", self.name(), keys=10_000, rows=100, count=100, buckets=100,
                        columns=5, in_flight=4, seconds=LONG_S)
        name = "resident with 1000 primary-key buckets"
        values = {name: self.server.resident_bytes() / 1e6}
        deadline = time.monotonic() + 120
        while self.server.open_files() > 100:
            assert time.monotonic() < deadline, "idle stores stay open"
            time.sleep(1)
        time.sleep(2)
        return values | {f"{name}, idle": self.server.resident_bytes() / 1e6}

    def memory(self):
        """Resident bytes after all the other load."""
        return {"resident, loaded": self.server.resident_bytes() / 1e6}


def unit_of(name):
    if name in BUDGETS:
        return BUDGETS[name][0]
    if "latency" in name:
        return "ms"
    if name.startswith(("upsert", "update", "partial", "delete", "aggregation", "prefix")):
        return "CPU-us/row"
    if name.startswith("lookup of"):
        return "CPU-us/key"
    if "(wire bytes)" in name:
        return "% of full"
    if "rate" in name:
        return "GB/s"
    if "columns" in name:
        return "CPU-s/1e9 rows"
    if name.startswith("resident"):
        return "MB"
    if name.startswith("start"):
        return "ms"
    if name.startswith("creating"):
        return "s"
    if " of 1 KiB with " in name:
        return "CPU-us"
    return "CPU-s/GB"
