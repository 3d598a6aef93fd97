"""`strom bench` against a server that runs: what it prints adds up, and what it stored reads back."""

import json
import subprocess

import pytest

from strom_server import binary
from wire import Client, block, fields, number, path


def bench(server, verb, *options, table="bench.t", code=0):
    done = subprocess.run([binary(), "bench", verb, "--bootstrap", server.address, "--table", table, *options],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == code, done.stderr
    return done


def figures(server, verb, *options, **more):
    return json.loads(bench(server, verb, "--json", *options, **more).stdout)


def adds_up(found):
    assert found["unsent"] == 0
    assert found["requests_per_second"] == pytest.approx(found["requests"] / found["seconds"])
    assert found["rows_per_second"] == pytest.approx(found["rows"] / found["seconds"])
    assert found["record_bytes_per_second"] == pytest.approx(found["record_bytes"] / found["seconds"])
    for kind in ("latency_us", "delay_us"):
        ordered = [found[kind][name] for name in ("p50", "p99", "p99_9", "max")]
        assert ordered == sorted(ordered)
    assert 0 < found["latency_us"]["p50"]
    assert found["latency_us"]["max"] / 1e6 <= found["seconds"]
    assert found["own_cpu_seconds"] > 0


def test_what_is_produced_is_fetched_again(own_server):
    produced = figures(own_server, "produce", "--buckets", "3", "--connections", "2", "--in-flight", "8",
                       "--count", "300", "--batch-bytes", "20000", "--watch", str(own_server.process.pid))
    adds_up(produced)
    assert produced["requests"] == 300
    assert produced["rows"] % 300 == 0
    assert 0.9 * 20000 < produced["record_bytes"] / 300 < 1.1 * 20000
    assert produced["sent_bytes"] > produced["record_bytes"]
    assert len(produced["watched_cpu_seconds"]) == 1 and produced["watched_cpu_seconds"][0] > 0

    full = figures(own_server, "fetch", "--connections", "3", "--fetch-bytes", "100000")
    adds_up(full)
    assert (full["rows"], full["record_bytes"]) == (produced["rows"], produced["record_bytes"])
    assert full["requests"] >= full["record_bytes"] / 100_000

    projected = figures(own_server, "fetch", "--project", "0,1", "--passes", "2")
    adds_up(projected)
    assert projected["rows"] == 2 * produced["rows"]
    assert projected["record_bytes"] < 2 * full["record_bytes"] / 4

    # Another client sees the same batches, dense in every bucket.
    client = Client(own_server.port)
    table = client.create_table("bench", "other")
    assert table >= 0
    stored = bench(own_server, "fetch").stdout
    assert f"{'rows':26}{produced['rows']}" in stored.splitlines()


def row_count(server, buckets, table="rows"):
    client = Client(server.port)
    id = fields(client.call(1007, block(1, path("bench", table))))[1][0]
    answer = fields(client.call(1059, number(1, id) + b"".join(block(2, number(2, b)) for b in range(buckets))))
    return sum(fields(entry)[5][0] for entry in answer[1])


def test_rows_that_are_put_are_found_changed_and_deleted(own_server):
    of = {"table": "bench.rows"}
    keys = ["--keys", "6000"]
    put = ["--buckets", "3", "--rows", "500", "--count", "12", "--columns", "6", *keys]
    first = figures(own_server, "put", *put, "--connections", "2", **of)
    adds_up(first)
    assert (first["requests"], first["rows"]) == (12, 6000)
    assert row_count(own_server, 3) == 6000
    found = figures(own_server, "lookup", *keys, "--rows", "100", "--count", "50", "--in-flight", "4", **of)
    adds_up(found)
    assert found["rows"] == 5000 and found["record_bytes"] > 5000 * 20
    # The same keys again, and then two columns of them: nothing is added.
    figures(own_server, "put", *put, "--random", **of)
    figures(own_server, "put", *put, "--target-columns", "0,1", "--acks", "1", **of)
    assert row_count(own_server, 3) == 6000
    deleted = figures(own_server, "put", *put[:4], "--count", "3", *put[6:], "--deletes", **of)
    assert deleted["rows"] == 1500
    assert row_count(own_server, 3) == 4500
    missing = bench(own_server, "lookup", *keys, "--rows", "1000", "--count", "9", code=1, **of)
    assert "are not in the table" in missing.stderr
    some = figures(own_server, "lookup", *keys, "--rows", "1000", "--count", "9", "--may-miss", **of)
    assert 0 < some["rows"] < 9000


def test_groups_are_found_by_their_prefix(own_server):
    of = {"table": "bench.groups"}
    shape = ["--keys", "4000", "--group", "20"]
    figures(own_server, "put", *shape, "--buckets", "2", "--rows", "500", "--count", "8", **of)
    assert row_count(own_server, 2, "groups") == 4000
    single = figures(own_server, "lookup", *shape, "--rows", "10", "--count", "20", **of)
    assert single["rows"] == 200
    prefixes = figures(own_server, "lookup", *shape, "--prefixes", "--rows", "5", "--count", "30", **of)
    adds_up(prefixes)
    assert prefixes["rows"] == 30 * 5 * 20
    refused = bench(own_server, "lookup", "--prefixes", code=2, **of)
    assert "--group" in refused.stderr


def test_at_a_rate_as_many_are_sent_as_were_due(own_server):
    found = figures(own_server, "produce", "--rate", "500", "--seconds", "1", "--batch-bytes", "1024")
    adds_up(found)
    assert found["requests"] == 500
    assert found["rate"] == 500
    assert 0.99 < found["seconds"] < 2


def test_a_stopped_server_shows_in_the_latencies_at_a_rate(own_server):
    import signal
    import threading
    import time

    figures(own_server, "produce", "--count", "1")  # makes the table

    def stall():
        time.sleep(0.5)
        own_server.process.send_signal(signal.SIGSTOP)
        time.sleep(0.5)
        own_server.process.send_signal(signal.SIGCONT)

    stalling = threading.Thread(target=stall)
    stalling.start()
    found = figures(own_server, "produce", "--rate", "200", "--seconds", "2", "--batch-bytes", "1024")
    stalling.join()
    adds_up(found)
    assert found["requests"] == 400
    # It slept for half a second; each of the hundred due meanwhile waited for its rest.
    assert found["latency_us"]["max"] > 400_000
    assert found["latency_us"]["p99"] > 300_000


def test_what_cannot_be_done_is_said(own_server):
    refused = bench(own_server, "fetch", table="bench.missing", code=1)
    assert "bench.missing" in refused.stderr
    Client(own_server.port).create_table("bench", "foreign")
    refused = bench(own_server, "produce", table="bench.foreign", code=1)
    assert "bench.foreign" in refused.stderr and "drop this one" in refused.stderr
    assert "no database.table" in bench(own_server, "fetch", table="nothing", code=2).stderr
    bench(own_server, "produce", "--rate", "-1", code=2)
    own_server.stop()
    refused = bench(own_server, "produce", code=1)
    assert own_server.address in refused.stderr
