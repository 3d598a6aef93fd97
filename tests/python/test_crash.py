"""kill -9 under acknowledged load: nothing acknowledged is lost, nothing is doubled, offsets are
dense, and the server comes back by itself."""

import random
import threading
import time

import pytest

from wire import Client, ServerError, make_batch

WRITERS = 4
BUCKETS = 3
ROWS = 4


class Writer(threading.Thread):
    """An idempotent writer that sends a batch again until it is acknowledged, over any number of
    connections, as real clients do."""

    def __init__(self, server, table_id, number):
        super().__init__(daemon=True)
        self.server = server
        self.table_id = table_id
        self.bucket = number % BUCKETS
        self.number = number
        self.writer_id = None
        self.acknowledged = []  # (base offset, ids)
        self.stopping = threading.Event()
        self.failure = None

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
                self.acknowledged.append((base, ids))
                sequence += 1
        except Exception as error:  # reported by the test
            self.failure = error


@pytest.mark.parametrize("rounds", [20, pytest.param(200, marks=pytest.mark.heavy)])
def test_kill_loses_and_doubles_nothing(own_server, rounds):
    client = Client(own_server.port)
    table_id = client.create_table("crash", "t", BUCKETS)
    client.close()
    writers = [Writer(own_server, table_id, n) for n in range(WRITERS)]
    for writer in writers:
        writer.start()
    chooser = random.Random(rounds)
    for _ in range(rounds):
        time.sleep(chooser.uniform(0.02, 0.25))
        own_server.kill()
        own_server.start()
    time.sleep(0.2)
    for writer in writers:
        writer.stopping.set()
    for writer in writers:
        writer.join(30)
        assert writer.failure is None, repr(writer.failure)
        assert not writer.is_alive()

    client = Client(own_server.port)
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
    assert total > rounds
    print(f"\n{rounds} kills, {total} acknowledged batches, all there")


def test_a_second_server_on_the_same_data_is_refused(own_server):
    import subprocess

    command = own_server.command()
    second = subprocess.run(
        [a.replace(str(own_server.port), "0").replace(str(own_server.http_port), "0") for a in command],
        capture_output=True, text=True, timeout=30)
    assert second.returncode == 3
    assert "another process holds it" in second.stderr
    assert Client(own_server.port).create_table("crash", "still_works") >= 0


def test_errors_keep_the_server_up(own_server):
    client = Client(own_server.port)
    table_id = client.create_table("crash", "t")
    with pytest.raises(ServerError) as refused:
        client.produce(table_id, 0, make_batch([1])[:-1] + b"x")
    assert refused.value.code == 14
    with pytest.raises(ServerError) as refused:
        client.produce(table_id, 9, make_batch([1]))
    assert refused.value.code == 21
    assert client.produce(table_id, 0, make_batch([1, 2])) == 0
    assert client.read_all(table_id, 0) == [(0, [1, 2])]
