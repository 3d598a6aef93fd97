"""What an operator meets: metrics, exit codes, messages, the offline commands."""

import pathlib
import json
import re
import subprocess

import pytest

import wire
from strom_server import StromServer, binary
from wire import Client, make_batch

ROOT = pathlib.Path(__file__).resolve().parents[2]


def strom(*arguments, **environment):
    import os

    return subprocess.run([binary(), *arguments], capture_output=True, text=True, timeout=30,
                          env={**os.environ, **environment})


def exercised(server, name):
    client = Client(server.port)
    table_id = client.create_table("operations", name)
    client.produce(table_id, 0, make_batch([1, 2, 3]))
    client.fetch(table_id, 0, 0)
    with pytest.raises(wire.ServerError):
        client.call(4242)
    return client


def test_every_metric_is_documented_and_every_documented_one_exists(shared_server, table_name):
    exercised(shared_server, table_name)
    text = shared_server.get("/metrics")
    exposed = set(re.findall(r"^# HELP (\S+) \S", text, re.MULTILINE))
    documented = set(re.findall(r"^\| `(\w+)`", (ROOT / "docs" / "metrics.md").read_text(), re.MULTILINE))
    assert exposed == documented


def test_metrics_count_what_happened(own_server):
    client = exercised(own_server, "t")
    text = own_server.get("/metrics")

    def value(sample):
        found = re.search(rf"^{re.escape(sample)} (\S+)$", text, re.MULTILINE)
        assert found, sample
        return float(found.group(1))

    assert value('strom_requests_total{api="PRODUCE_LOG"}') == 1
    assert value('strom_request_seconds_count{api="FETCH_LOG"}') == 1
    assert value('strom_request_errors_total{api="unknown"}') == 1
    assert value("strom_produced_bytes_total") == len(make_batch([1, 2, 3]))
    assert value("strom_fetched_bytes_total") == len(make_batch([1, 2, 3]))
    assert value("strom_buckets") == 1
    assert value("strom_connections") == 1
    assert value("process_resident_memory_bytes") > 1 << 20
    client.close()


def test_wrong_configuration_names_the_key_and_the_way_out(tmp_path):
    file = tmp_path / "server.yaml"
    file.write_text("log.fsnyc: ack\n")
    for arguments in (["server", "--config", str(file)], ["config", "check", "--config", str(file)]):
        result = strom(*arguments)
        assert result.returncode == 2
        assert "log.fsnyc" in result.stderr and "'log.fsync'" in result.stderr
        assert str(file) in result.stderr
    assert strom("server", "--set", "server.shards=many").returncode == 2
    assert strom("server", "--set", "nonsense").returncode == 2
    assert strom("server", "--set", "security.protocol.map=FLUSS:SASL").returncode == 2
    assert strom("config", "check", STROM_LOG_FSINC="ack").returncode == 2
    assert strom("config", "check", STROM_LOG_FSYNC="never").returncode == 0
    assert strom("serve").returncode == 2
    assert strom().returncode == 2


def test_a_reference_configuration_is_taken_as_it_is(tmp_path):
    file = tmp_path / "server.yaml"
    file.write_text("zookeeper.address: localhost:2181\nremote.data.dir: /tmp/remote\n"
                    "netty.server.num-worker-threads: 8\nremote.log.task-interval-duration: 10s\n")
    result = strom("config", "check", "--config", str(file))
    assert result.returncode == 0, result.stderr
    assert "'zookeeper.address' is ignored" in result.stdout
    assert "'remote.log.task-interval-duration' is not used yet" in result.stdout
    printed = strom("config", "print", "--config", str(file)).stdout
    assert f'remote.data.dir: "/tmp/remote"  # {file}' in printed
    assert 'log.fsync: "ack"  # default' in printed


def test_a_port_in_use_is_said(own_server, tmp_path):
    result = strom("server", "--data-dir", str(tmp_path / "other"),
                   "--set", f"bind.listeners=FLUSS://127.0.0.1:{own_server.port}",
                   "--set", "server.http.listen=127.0.0.1:0")
    assert result.returncode == 1
    assert str(own_server.port) in result.stderr and "in use" in result.stderr.lower()


def test_verify_and_dump_after_a_clean_stop_and_after_damage(own_server):
    exercised(own_server, "t").close()
    assert own_server.stop() == 0
    segment = next(pathlib.Path(own_server.data_dir).rglob("*.log"))
    sound = strom("log", "verify", own_server.data_dir)
    assert sound.returncode == 0, sound.stdout
    assert "1 segments, 1 batches, 3 records" in sound.stdout
    assert '"records":3' in strom("log", "dump", str(segment)).stdout
    data = bytearray(segment.read_bytes())
    data[60] ^= 1
    segment.write_bytes(data)
    damaged = strom("log", "verify", own_server.data_dir)
    assert damaged.returncode == 4
    assert f"{segment}: byte 0: the CRC of the batch does not match" in damaged.stdout
    assert strom("log", "verify", "/nowhere").returncode == 2


def test_lost_metadata_does_not_cost_the_data(own_server):
    exercised(own_server, "t").close()
    assert own_server.stop() == 0
    folder = pathlib.Path(own_server.data_dir)
    (folder / ".metadata" / "journal").unlink()
    with pytest.raises(RuntimeError) as refused:
        own_server.start()
    assert "metadata" in str(refused.value) and "restore it" in str(refused.value)
    assert list(folder.rglob("*.log")), "the data was deleted"


def test_a_clean_restart_keeps_everything(own_server):
    client = exercised(own_server, "t")
    for _ in range(3):
        assert own_server.stop() == 0
        own_server.start()
    client = Client(own_server.port)
    table_id = wire.fields(client.call(wire.TABLE_INFO, wire.block(1, wire.path("operations", "t"))))[1][0]
    assert client.read_all(table_id, 0) == [(0, [1, 2, 3])]


def test_addresses_are_ones_that_the_caller_can_reach(tmp_path):
    server = StromServer(tmp_path / "data")
    server.settings["bind.listeners"] = f"FLUSS://0.0.0.0:{server.port}"
    server.start()
    try:
        nodes = wire.fields(Client(server.port).call(wire.METADATA))
        for field in (1, 2):
            node = wire.fields(nodes[field][0])
            assert (node[2], node[3]) == ([b"127.0.0.1"], [server.port])
    finally:
        server.stop()


def test_two_listeners_each_tell_their_own_address(tmp_path):
    from strom_server import free_port

    server = StromServer(tmp_path / "data")
    second = free_port()
    server.settings["bind.listeners"] = (
        f"FLUSS://127.0.0.1:{server.port},CLIENT://127.0.0.1:{second}")
    server.settings["advertised.listeners"] = "CLIENT://strom.example:7777"
    server.start()
    try:
        for port, host, told in ((server.port, b"127.0.0.1", server.port), (second, b"strom.example", 7777)):
            node = wire.fields(wire.fields(Client(port).call(wire.METADATA))[2][0])
            assert (node[2], node[3]) == ([host], [told])
    finally:
        server.stop()


def test_the_grafana_board_uses_documented_metrics_only():
    board = json.loads((ROOT / "docs" / "grafana.json").read_text())
    documented = set(re.findall(r"^\| `(\w+)` \| (\w+)", (ROOT / "docs" / "metrics.md").read_text(), re.MULTILINE))
    names = {n for n, _ in documented} | {n + "_bucket" for n, kind in documented if kind == "histogram"}
    used = set()
    for panel in board["panels"]:
        for target in panel["targets"]:
            used |= set(re.findall(r"\b(?:strom|process)_\w+", target["expr"]))
    assert used <= names, used - names
    # Whoever adds a metric shows it.
    assert {n for n, _ in documented} <= {re.sub("_bucket$", "", n) for n in used}
