"""Writers that note what was acknowledged to them, and the check that all of it is there."""

import threading
import time

from wire import Client, ServerError, make_batch

WRITERS = 4
BUCKETS = 3
ROWS = 4


class Writer(threading.Thread):
    """An idempotent writer that sends a batch again until it is acknowledged, over any number of
    connections, as real clients do."""

    def __init__(self, server, table_id, number, retried=()):
        super().__init__(daemon=True)
        self.server = server
        self.table_id = table_id
        self.bucket = number % BUCKETS
        self.number = number
        self.writer_id = None
        self.acknowledged = []  # (base offset, ids)
        self.stopping = threading.Event()
        self.failure = None
        self.retried = retried  # error codes after which it tries again
        self.refusals = 0

    def run(self):
        try:
            sequence = 0
            client = None
            while not self.stopping.is_set() or client is None:
                ids = [self.number << 40 | sequence * ROWS + i for i in range(ROWS)]
                try:
                    if client is None:
                        client = Client(self.server.port, timeout_s=10)
                        if self.writer_id is None:
                            self.writer_id = client.init_writer("crash", "t")
                    batch = make_batch(ids, self.writer_id, sequence)
                    base = client.produce(self.table_id, self.bucket, batch)
                except (OSError, ConnectionError):
                    client = None
                    time.sleep(0.005)
                    continue
                except ServerError as error:
                    if error.code not in self.retried:
                        raise
                    self.refusals += 1
                    time.sleep(0.01)
                    continue
                self.acknowledged.append((base, ids))
                sequence += 1
        except Exception as error:  # reported by the test
            self.failure = error


def start_writers(server, table_id, retried=()):
    writers = [Writer(server, table_id, n, retried) for n in range(WRITERS)]
    for writer in writers:
        writer.start()
    return writers


def check_all(server, table_id, writers):
    """Stops the writers; everything acknowledged is there once, in order, without gaps. How many
    batches were acknowledged."""
    for writer in writers:
        writer.stopping.set()
    for writer in writers:
        writer.join(30)
        assert writer.failure is None, repr(writer.failure)
        assert not writer.is_alive()

    client = Client(server.port)
    total = 0
    for bucket in range(BUCKETS):
        stored = client.read_all(table_id, bucket)
        expected_base = 0
        for base, ids in stored:
            assert base == expected_base, "offsets have a gap"
            expected_base += len(ids)
        ids = [i for _, batch in stored for i in batch]
        assert len(ids) == len(set(ids)), "rows are doubled"
        by_base = dict(stored)
        for writer in writers:
            if writer.bucket != bucket:
                continue
            for base, batch in writer.acknowledged:
                assert by_base.get(base) == batch, f"acknowledged at {base}, lost"
            total += len(writer.acknowledged)
            own = [i for i in ids if i >> 40 == writer.number]
            assert own == sorted(own), "a writer's rows are out of order"
    return total
