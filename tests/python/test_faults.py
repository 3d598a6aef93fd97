"""Real faults on the real server: a process that is stopped for a while, a disk that fails, tears, is
full, slow or read-only (tests/faults/faulty.c, preloaded). Nothing acknowledged is lost; the server
comes back by itself or refuses with a reason."""

import os
import pathlib
import random
import signal
import subprocess
import time

import pytest

from acknowledged import BUCKETS, check_all, start_writers
from strom_server import ROOT, StromServer
from wire import Client, make_batch

# What a client may be told while the disk is bad: log, storage, network and time-outs; each is tried
# again.
RETRIED = (10, 26, 70, 25, 1, 21, 6)
FAULTS = {
    "failing writes": "write_eio=200",
    "torn writes": "write_tear=200",
    "a full disk": "write_full=300",
    "failing syncs": "sync_eio=150",
    "failing names": "open_eio=300",
    "a slow disk": "delay=2000",
    "everything at once": "write_eio=50 write_tear=50 write_full=50 sync_eio=50 open_eio=50 delay=500",
}


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    path = tmp_path_factory.mktemp("faults") / "faulty.so"
    subprocess.run(["clang-19", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", str(path),
                    str(ROOT / "tests" / "faults" / "faulty.c"), "-ldl"], check=True)
    return path


class BadDisk(StromServer):
    """A server on a disk that can be made bad."""

    def __init__(self, data_dir, library, settings=None):
        super().__init__(data_dir, settings)
        self.armed = pathlib.Path(str(data_dir) + ".armed")
        self.library = str(library)
        self.faults = ""

    def environment(self):
        return {**os.environ, "LD_PRELOAD": self.library, "FAULTS": self.faults,
                "FAULTS_ARMED": str(self.armed)}

    def arm(self):
        self.armed.touch()

    def disarm(self):
        self.armed.unlink(missing_ok=True)


ROUNDS = [4, pytest.param(200, marks=pytest.mark.heavy)]


@pytest.mark.parametrize("rounds", ROUNDS)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda name: name.replace(" ", "-"))
def test_a_bad_disk_loses_nothing_acknowledged(tmp_path, library, fault, rounds):
    server = BadDisk(tmp_path / "data", library, {"log.segment.file-size": "20kb"})
    server.start()
    try:
        table_id = Client(server.port).create_table("crash", "t", BUCKETS)
        writers = start_writers(server, table_id, RETRIED)
        chooser = random.Random(rounds)
        for number in range(rounds):
            # The options are read when the process starts; the disk is bad while it is armed.
            server.faults = f"seed={number} {FAULTS[fault]}"
            server.kill()
            server.start()
            time.sleep(chooser.uniform(0.02, 0.1))
            server.arm()
            time.sleep(chooser.uniform(0.02, 0.2))
            if chooser.random() < 0.5:
                server.kill()
            server.disarm()
        server.kill()
        server.start()
        total = check_all(server, table_id, writers)
        assert total > rounds
        print(f"\n{fault}: {rounds} rounds, {total} acknowledged batches, "
              f"{sum(w.refusals for w in writers)} refusals, all there")
    finally:
        server.kill()


@pytest.mark.parametrize("rounds", ROUNDS)
def test_a_process_that_is_stopped_for_a_while_goes_on(own_server, rounds):
    table_id = Client(own_server.port).create_table("crash", "t", BUCKETS)
    writers = start_writers(own_server, table_id)
    chooser = random.Random(rounds)
    for _ in range(rounds):
        time.sleep(chooser.uniform(0.01, 0.1))
        own_server.process.send_signal(signal.SIGSTOP)
        time.sleep(chooser.uniform(0.01, 0.2))
        own_server.process.send_signal(signal.SIGCONT)
    assert check_all(own_server, table_id, writers) > rounds


def test_a_start_on_a_read_only_disk_is_refused_with_the_reason(tmp_path, library):
    server = BadDisk(tmp_path / "data", library)
    server.faults = "readonly=1"
    server.start()
    table_id = Client(server.port).create_table("crash", "t")
    client = Client(server.port)
    assert client.produce(table_id, 0, make_batch([1])) == 0
    assert server.stop() == 0
    server.arm()
    refused = subprocess.run(server.command(), env=server.environment(), capture_output=True, text=True,
                             timeout=30)
    assert refused.returncode not in (0, -6, -11)
    assert "read-only file system" in refused.stderr
    assert str(tmp_path / "data") in refused.stderr
    # Well again, nothing is missing.
    server.disarm()
    server.start()
    assert len(Client(server.port).read_all(table_id, 0)) == 1
    assert server.stop() == 0
