"""`strom bench` against a server that runs: what it prints adds up, and what it stored reads back."""

import json
import subprocess

import pytest

from strom_server import binary
from wire import Client


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
