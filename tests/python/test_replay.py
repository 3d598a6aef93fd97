"""Recorded conversations of real clients with the reference server, replayed: the answers may differ
only where the specification allows it. And the probes: odd requests get the recommended answers."""

import json
import pathlib

import pytest

import wire
from strom_server import StromServer
from wire import Client, block, fields, number, varint

VECTORS = pathlib.Path(__file__).resolve().parents[1] / "vectors" / "rpc"

PUT_KV, LOOKUP, LIMIT_SCAN, PREFIX_LOOKUP = 1016, 1017, 1033, 1034


def load(name):
    return json.loads((VECTORS / name).read_text())


def encode(found):
    """Fields as bytes again, in ascending order."""
    out = b""
    for field, values in sorted(found.items()):
        for value in values:
            out += number(field, value) if isinstance(value, int) else block(field, value)
    return out


def described(text):
    """A table as JSON, without what 1.0 adds to new tables with a primary key (spec 05, 13)."""
    table = json.loads(text)
    table["properties"].pop("table.kv.standby-replica.enabled", None)
    return table


class Replay:
    def __init__(self, server):
        self.server = server
        self.connections = {}
        self.tables = {}  # recorded id -> ours
        self.paths = {}  # path bytes -> (recorded id, ours), as they become known
        self.requests = {}
        self.answers = {}
        self.checked = 0

    def rewrite(self, api, body):
        """The request with our ids."""
        found = fields(body)
        if api in (wire.PRODUCE_LOG, LIMIT_SCAN, PUT_KV):
            found[2] = [self.tables[found[2][0]]]
        elif api in (LOOKUP, PREFIX_LOOKUP):
            found[1] = [self.tables[found[1][0]]]
        elif api == wire.FETCH_LOG:
            for i, request in enumerate(found[3]):
                inner = fields(request)
                inner[1] = [self.tables[inner[1][0]]]
                found[3][i] = encode(inner)
        else:
            return body
        return encode(found)

    def send(self, frame):
        data = bytes.fromhex(frame["frame_hex"])
        api, _, request_id = frame["api_key"], frame["api_version"], frame["request_id"]
        key = frame["connection"]
        if key not in self.connections:
            self.connections[key] = Client(self.server.port)
        body = self.rewrite(api, data[12:])
        self.requests[key, request_id] = (api, data[12:])
        self.connections[key].send(api, body, request_id=request_id)

    def receive(self, frame):
        key, request_id = frame["connection"], frame["request_id"]
        api, request = self.requests[key, request_id]
        while (key, request_id) not in self.answers:
            kind, got_id, body = self.connections[key].receive()
            self.answers[key, got_id] = (kind, body)
        kind, body = self.answers[key, request_id]
        recorded = bytes.fromhex(frame["frame_hex"])
        self.check(api, request, (recorded[4], recorded[9:]), (kind, body))
        self.checked += 1

    def check(self, api, request, recorded, ours):
        assert ours[0] == recorded[0], (api, recorded, ours)
        if ours[0] == 1:
            code = fields(ours[1])[1]
            # The reference wraps a missing table into -1; 7 says more (spec 06, 12.1).
            assert code == fields(recorded[1])[1] or (api == wire.METADATA and code == [7])
            return
        self.learn(api, request, recorded, ours)
        getattr(self, f"check_{api}", self.check_equal)(fields(recorded[1]), fields(ours[1]))

    def learn(self, api, request, recorded, ours):
        if recorded[0] != 0 or api not in (wire.METADATA, wire.TABLE_INFO):
            return
        if api == wire.TABLE_INFO:
            theirs = fields(recorded[1])[1][0]
            mine = fields(ours[1])[1][0]
        else:
            entries = fields(recorded[1]).get(3)
            if not entries:
                return
            theirs = fields(entries[0])[2][0]
            mine = fields(fields(ours[1])[3][0])[2][0]
        self.tables[theirs] = mine

    # --- what may differ ---

    def check_equal(self, theirs, mine):
        assert mine == theirs

    def check_1000(self, theirs, mine):  # only what is served; no type, as we are both
        known = {tuple(sorted((k, v[0]) for k, v in fields(e).items())) for e in theirs[1]}
        served = [fields(e) for e in mine[1]]
        assert 2 not in mine
        for entry in served:
            if entry[1][0] in {dict(k)[1] for k in known} and entry[1][0] not in (PUT_KV, LOOKUP, PREFIX_LOOKUP):
                assert tuple(sorted((k, v[0]) for k, v in entry.items())) in known

    def check_1003(self, theirs, mine):  # the recording had other databases
        assert b"fluss" in mine[1]

    def check_1012(self, theirs, mine):  # addresses, ids and times are ours
        assert 1 in mine and 2 in mine
        assert len(mine.get(3, [])) == len(theirs.get(3, []))
        for recorded, entry in zip(theirs.get(3, []), mine.get(3, [])):
            recorded, entry = fields(recorded), fields(entry)
            assert entry[1] == recorded[1] and entry[3] == recorded[3]
            assert described(entry[4][0]) == described(recorded[4][0])
            assert len(entry[5]) == len(recorded[5])

    def check_1007(self, theirs, mine):
        assert mine[2] == theirs[2]
        assert described(mine[3][0]) == described(theirs[3][0])

    def check_1026(self, theirs, mine):  # ids are never the same
        assert mine.keys() == theirs.keys()

    def check_1015(self, theirs, mine):
        for recorded, entry in zip(theirs[1], mine[1], strict=True):
            recorded, entry = fields(recorded)[2][0], fields(entry)[2][0]
            recorded, entry = fields(recorded), fields(entry)
            assert entry.keys() == recorded.keys()
            assert {k: entry[k] for k in (2, 5)} == {k: recorded[k] for k in (2, 5)}
            self.check_records(recorded[8][0], entry[8][0])

    def check_1033(self, theirs, mine):
        assert mine[3] == theirs[3]
        self.check_records(theirs[4][0], mine[4][0])

    def check_records(self, recorded, served):
        # The commit timestamp and the layout of rebuilt metadata are ours.
        assert bool(recorded) == bool(served)
        if recorded:
            assert served[:8] == recorded[:8] and served[12] == recorded[12]
            assert served[25:48] == recorded[25:48]


@pytest.mark.parametrize("name", ["conversation_rust_091.json", "conversation_java_091.json"])
def test_recorded_conversation(own_server, name):
    replay = Replay(own_server)
    frames = load(name)["frames"]
    for frame in frames:
        if frame["kind"] == "request":
            replay.send(frame)
        else:
            replay.receive(frame)
    assert replay.checked > 20
    print(f"\n{name}: {replay.checked} answers compared")


# What a careful server answers (spec 01, 12): an error number, "closed", "same" as the reference, or
# "waits" for the rest of a frame.
PROBES = {
    "unknown_api_key": 2,
    "api_of_other_server_type": "served",  # this process has both roles
    "missing_required_field": 3,
    "truncated_string": 3,
    "api_version_99": 2,
    "unknown_field_skipped": "same",
    "negative_request_id": "same",
    "frame_length_zero": "closed",
    "frame_length_3": "closed",
    "frame_length_negative": "closed",
    "frame_length_over_limit": "closed",
    "frame_length_at_limit": "waits",
    "no_handshake": "served",
    "authenticate_plaintext": "same",
    "authenticate_wrong_protocol": 46,
    "out_of_order_responses": "served",
    "fetch_without_min_bytes": "served",
    "fetch_unknown_bucket": "bucket 21",
    "fetch_unknown_table": "bucket 21",
    "fetch_no_tables": "same",
    "fetch_offset_out_of_range": "bucket 21",  # the recorded table id is unknown here
    "produce_bad_acks": 18,
    "produce_no_buckets": "same",
    "produce_unknown_table": "bucket 21",
    "produce_empty_records": "bucket 21",
    "produce_garbage_records": "bucket 21",
    "list_offsets_packed": "bucket 21",
    "list_offsets_unpacked": "bucket 21",
    "list_acls_disabled": 47,
    "metadata_unknown_partition_id": 36,
    "metadata_unknown_table": 7,
    "get_table_info_unknown": 7,
    "create_table_bad_json": 15,
}


def probe(name):
    return next(p for p in load("probes_091.json")["probes"] if p["name"] == name)


def test_every_probe_is_judged():
    assert {p["name"] for p in load("probes_091.json")["probes"]} == set(PROBES)


@pytest.fixture(scope="module")
def empty_server(tmp_path_factory):
    """The recorded table ids must be unknown to it."""
    server = StromServer(tmp_path_factory.mktemp("probes") / "data").start()
    yield server
    assert server.stop() == 0, server.log()


@pytest.mark.parametrize("name", PROBES)
def test_probe(empty_server, name):
    expected = PROBES[name]
    recorded = probe(name)
    client = Client(empty_server.port, timeout_s=10)
    client.socket.sendall(bytes.fromhex(recorded["sent_hex"]))
    if expected == "closed":
        assert client.socket.recv(100) == b""
        return
    if expected == "waits":
        client.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.socket.recv(100)
        return
    kind, request_id, body = client.receive()
    if expected == "same":
        first = bytes.fromhex(recorded["received"][0])
        # Bodies about the recorded tables differ; the form and the id do not.
        assert (kind, request_id) == (first[4], int.from_bytes(first[5:9], "big", signed=True))
    elif expected == "served":
        assert kind == 0
    elif isinstance(expected, int):
        # Of a probe with two requests the first is the odd one.
        while kind != 1:
            kind, request_id, body = client.receive()
        error = fields(body)
        assert error[1] == [expected], error
        assert error[2][0]
    else:
        assert kind == 0
        assert varint(21) in body
    # The connection works on.
    asked = client.send(wire.TABLE_EXISTS, block(1, wire.path("a", "b")), request_id=999)
    while request_id != asked:
        kind, request_id, body = client.receive()
    assert kind == 0


def test_empty_and_garbage_records(shared_server, table_name):
    client = Client(shared_server.port)
    table_id = client.create_table("probes", table_name)
    assert client.produce(table_id, 0, b"") == -1
    with pytest.raises(wire.ServerError) as refused:
        client.produce(table_id, 0, b"\1\2\3\4")
    assert refused.value.code == 14


def test_a_bucket_named_twice_gets_one_answer_and_nothing_is_written(shared_server, table_name):
    client = Client(shared_server.port)
    table_id = client.create_table("probes", table_name)
    entry = block(4, number(2, 0) + block(3, wire.make_batch([1])))
    answer = fields(client.call(
        wire.PRODUCE_LOG, number(1, -1) + number(2, table_id) + number(3, 1000) + entry + entry))
    assert len(answer[1]) == 1
    assert fields(answer[1][0])[3] == [-1]
    assert client.fetch(table_id, 0, 0) == (b"", 0)


def test_budgets_and_offsets_of_fetches(shared_server, table_name):
    client = Client(shared_server.port)
    table_id = client.create_table("probes", table_name, buckets=2)
    for bucket in (0, 1):
        for i in range(3):
            client.produce(table_id, bucket, wire.make_batch([i, i]))
    # At most one batch of all buckets together.
    body = number(1, -1) + number(2, 1) + block(3, number(1, table_id) + number(2, 0) + b"".join(
        block(4, number(2, b) + number(3, 0) + number(4, 1)) for b in (0, 1)))
    entries = [fields(e) for e in fields(fields(client.call(wire.FETCH_LOG, body))[1][0])[2]]
    assert sorted(len(list(wire.parse_batches(e[8][0]))) for e in entries) == [0, 1]
    assert all(e[5] == [6] for e in entries)
    # -2 is the start, the end is empty, beyond it and other negatives are out of range.
    assert list(wire.parse_batches(client.fetch(table_id, 0, -2)[0]))[0][0] == 0
    assert client.fetch(table_id, 0, 6) == (b"", 6)
    for offset in (7, -1, -3, 2**62):
        with pytest.raises(wire.ServerError) as refused:
            client.fetch(table_id, 0, offset)
        assert refused.value.code == 19
    # From inside a batch: the whole batch.
    assert [b[0] for b in wire.parse_batches(client.fetch(table_id, 0, 3)[0])] == [2, 4]


def test_duplicates_and_gaps_of_a_writer(shared_server, table_name):
    client = Client(shared_server.port)
    table_id = client.create_table("probes", table_name)
    writer = client.init_writer("probes", table_name)
    batches = [wire.make_batch([i], writer, i) for i in range(8)]
    assert [client.produce(table_id, 0, b) for b in batches] == list(range(8))
    for i in range(3, 8):
        assert client.produce(table_id, 0, batches[i]) == i
    for batch in (batches[2], wire.make_batch([1], writer, 9), wire.make_batch([1], writer + 10**6, 5)):
        with pytest.raises(wire.ServerError) as refused:
            client.produce(table_id, 0, batch)
        assert refused.value.code == 31
        assert "Out of order batch sequence" in refused.value.message
    assert len(client.read_all(table_id, 0)) == 8
