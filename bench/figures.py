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
}
# value: (limit, aim), of Strom alone
LIMITS = {
    "start to ready": (300, 50),
    "resident, idle": (60, 25),
}

COLUMNS = 20
CLIENT_ROWS = 4000  # of a batch that the client writes
FRAME_BYTES = 1 << 20


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

    def append(self):
        """Arrow batches through the real client, and frames on two connections, four deep."""
        values = {}
        for compression in ("NONE", None):
            rows = self.rows(COLUMNS, CLIENT_ROWS)
            name = self.name()
            used = load.client_append(self.server, name, rows, int(300 * self.scale) + 1, COLUMNS, compression)
            load.drop_table(self.server, name)
            values[f"append (client, {compression or 'default ZSTD'}{self.suffix})"] = used.cpu / (used.bytes / GB)
        batch, _ = self.frozen()
        name = self.name()
        table = load.create_table(self.server, name, COLUMNS)
        used = load.append_frames(self.server, table, batch, int(2e9 * self.scale))
        load.drop_table(self.server, name)
        values[f"append (frames{self.suffix})"] = used.cpu / (used.bytes / GB)
        values[f"append rate (frames{self.suffix})"] = used.bytes / GB / used.seconds
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
        return {**values, **self.frames_scan(COLUMNS, [[0, 1], [0]])}

    def frames_scan(self, columns, projections):
        batch, rows = self.frozen(columns)
        name = self.name()
        table = load.create_table(self.server, name, columns)
        written = load.append_frames(self.server, table, batch, int(5e8 * self.scale))
        end = written.bytes // len(batch) * rows
        values = {}
        full = load.scan(self.server, table, end)
        if columns == COLUMNS:
            values["scan (frames)"] = full.cpu / (full.wire_bytes / GB)
            values["scan rate (frames)"] = full.wire_bytes / GB / full.seconds
        for projection in projections:
            # Several passes: one is too short for the clock of /proc.
            cpu, passes = 0.0, 5
            for _ in range(passes):
                used = load.scan(self.server, table, end, projection)
                cpu += used.cpu
            what = f"scan {len(projection)} of {columns} columns"
            values[f"{what} (frames)"] = cpu / passes / (end / 1e9)
            values[f"{what} (wire bytes)"] = 100 * used.wire_bytes / full.wire_bytes
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
        batch, _ = self.frozen(2, 1024)
        name = self.name()
        table = load.create_table(self.server, name, 2)
        values = {}
        for rate in (200, 1000, 4000):
            used = load.latencies(self.server, table, batch, rate, 3 * max(self.scale, 0.3))
            for share in (50, 99, 99.9):
                values[f"append latency p{share:g} at {rate}/s{self.suffix}"] = (
                    load.percentile(used.sorted, share / 100) * 1e3)
        load.drop_table(self.server, name)
        return values

    def concurrent(self):
        """8 producers and 8 readers on 8 buckets at once."""
        batch, rows = self.frozen(COLUMNS, 64 << 10)
        name = self.name()
        table = load.create_table(self.server, name, COLUMNS, 8)
        load.append_frames(self.server, table, batch, int(2e8 * self.scale), 8, 4, 8)
        per_stream = int(3e8 * self.scale) // len(batch) // 8 + 1
        produce = [load.Stream(self.server.port, load.frame(
            load.wire.PRODUCE_LOG, load.wire.produce_body(table, i, batch), 1), per_stream, 4,
            load.check_produced) for i in range(8)]
        fetch = [load.Stream(self.server.port, load.frame(
            load.wire.FETCH_LOG, load.fetch_body(table, i, 0, 1 << 20), 1), per_stream // 8 + 1, 2,
            load.check_frame) for i in range(8)]
        with load.Usage(self.server) as used:
            moved = load.run_streams(produce + fetch) + per_stream * 8 * len(batch)
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

    def memory(self):
        """Resident bytes after all the other load."""
        return {"resident, loaded": self.server.resident_bytes() / 1e6}


def unit_of(name):
    if name in BUDGETS:
        return BUDGETS[name][0]
    if "(wire bytes)" in name:
        return "% of full"
    if "latency" in name:
        return "ms"
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
