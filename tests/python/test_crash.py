"""kill -9 under acknowledged load: nothing acknowledged is lost, nothing is doubled, offsets are
dense, and the server comes back by itself."""

import random
import time

import pytest

from acknowledged import BUCKETS, check_all, start_writers
from wire import Client, ServerError, make_batch

@pytest.mark.parametrize("rounds", [20, pytest.param(2000, marks=pytest.mark.heavy)])
def test_kill_loses_and_doubles_nothing(own_server, rounds):
    client = Client(own_server.port)
    table_id = client.create_table("crash", "t", BUCKETS)
    client.close()
    writers = start_writers(own_server, table_id)
    chooser = random.Random(rounds)
    for _ in range(rounds):
        time.sleep(chooser.uniform(0.02, 0.25))
        own_server.kill()
        own_server.start()
    time.sleep(0.2)
    total = check_all(own_server, table_id, writers)
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
