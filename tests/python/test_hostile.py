"""Clients that misbehave do not disturb the others, and memory stays bounded."""

import contextlib
import random
import socket
import struct
import threading
import time

import pytest

import wire
from wire import Client, ServerError, block, fields, make_batch, number, path

MB = 1 << 20


@pytest.fixture
def small_limits_server(tmp_path):
    from strom_server import StromServer

    server = StromServer(tmp_path / "data", {
        "server.connection.max-memory": "4 mb",
        "server.partial-frame.timeout": "1 s",
        "netty.connection.max-idle-time": "1 s",
    }).start()
    yield server
    server.stop()


def works(client, table_id):
    """A row goes in and comes out."""
    base = client.produce(table_id, 0, make_batch([7]))
    records, _ = client.fetch(table_id, 0, base)
    assert list(wire.parse_batches(records))[0][1] == [7]


def is_closed(connection, timeout_s=10):
    connection.settimeout(timeout_s)
    try:
        while connection.recv(1 << 16):
            pass
        return True
    except (ConnectionResetError, BrokenPipeError):
        return True
    except TimeoutError:
        return False


@pytest.mark.parametrize("sent", [
    b"\0\0\0\0", b"\0\0\0\3abc", struct.pack(">i", -5), struct.pack(">i", 104857597),
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\xff" * 64,
], ids=["empty frame", "no room for a header", "negative length", "over the limit", "HTTP", "noise"])
def test_what_is_no_frame_ends_the_connection_only(shared_server, table_name, sent):
    good = Client(shared_server.port)
    table_id = good.create_table("hostile", table_name)
    before = shared_server.memory_bytes()
    bad = Client(shared_server.port)
    bad.socket.sendall(sent)
    assert is_closed(bad.socket)
    works(good, table_id)
    assert shared_server.memory_bytes() - before < 8 * MB


def test_the_largest_frame_is_awaited_without_memory_for_it(shared_server):
    before = shared_server.memory_bytes()
    waiting = [Client(shared_server.port) for _ in range(50)]
    for client in waiting:
        client.socket.sendall(struct.pack(">i", 104857596) + b"x" * 100)
    time.sleep(0.2)
    grown = shared_server.memory_bytes() - before
    print(f"\n50 connections that promise 100 MiB each: {grown / MB:.1f} MiB")
    assert grown < 20 * MB
    for client in waiting:
        client.close()


def test_odd_requests_get_an_error_and_the_connection_stays(shared_server, table_name):
    client = Client(shared_server.port)
    table_id = client.create_table("hostile", table_name)
    for api, body, code in [
        (4242, b"", 2),                                        # no such API
        (1022, b"", 2),                                        # between servers: not served
        (1017, b"", 3),                                        # a lookup without its table
        (wire.TABLE_EXISTS, b"\xff\xff\xff", 3),               # no protobuf
        (wire.TABLE_EXISTS, b"", 3),                           # a required field is missing
        (wire.TABLE_EXISTS, block(1, b"\x0a\x7fabc"), 3),      # a length beyond the frame
        (wire.PRODUCE_LOG, number(1, 1), 3),
        (wire.PRODUCE_LOG, number(1, 2) + number(2, table_id) + number(3, 10), 18),
    ]:
        with pytest.raises(ServerError) as refused:
            client.call(api, body)
        assert refused.value.code == code, (api, body, str(refused.value))
        assert refused.value.message
    with pytest.raises(ServerError) as refused:
        client.call(wire.TABLE_EXISTS, block(1, path("hostile", table_name)), version=99)
    assert refused.value.code == 2
    assert fields(client.call(wire.API_VERSIONS, block(1, "x") + block(2, "1"), version=99))[1]
    works(client, table_id)


def test_request_ids_are_echoed_as_they_are(shared_server):
    client = Client(shared_server.port)
    for request_id in (0, 2**31 - 1, -1, -(2**31)):
        client.send(wire.TABLE_EXISTS, block(1, path("a", "b")), request_id=request_id)
        assert client.receive()[:2] == (0, request_id)


def test_a_parked_fetch_does_not_delay_what_follows_it(shared_server, table_name):
    client = Client(shared_server.port)
    table_id = client.create_table("hostile", table_name)
    parked = client.send(wire.FETCH_LOG, wire.fetch_body(table_id, 0, 0, max_wait_ms=20_000, min_bytes=1))
    asked = client.send(wire.TABLE_EXISTS, block(1, path("hostile", table_name)))
    assert client.receive()[1] == asked
    produced = client.send(wire.PRODUCE_LOG, wire.produce_body(table_id, 0, make_batch([1])))
    assert {client.receive()[1], client.receive()[1]} == {parked, produced}


def test_a_frame_in_single_bytes_and_many_frames_at_once(shared_server):
    client = Client(shared_server.port)
    body = block(1, path("a", "b"))
    frame = struct.pack(">ihhi", 8 + len(body), wire.TABLE_EXISTS, 0, 5) + body
    for i in range(len(frame)):
        client.socket.sendall(frame[i : i + 1])
    assert client.receive()[1] == 5
    client.socket.sendall(b"".join(
        struct.pack(">ihhi", 8 + len(body), wire.TABLE_EXISTS, 0, n) + body for n in range(500)))
    assert sorted(client.receive()[1] for _ in range(500)) == list(range(500))


def test_five_pipelined_batches_of_a_writer_are_appended_in_order(shared_server, table_name):
    client = Client(shared_server.port)
    table_id = client.create_table("hostile", table_name)
    writer = client.init_writer("hostile", table_name)
    for round_number in range(20):
        for i in range(5):
            sequence = round_number * 5 + i
            client.send(wire.PRODUCE_LOG, wire.produce_body(
                table_id, 0, make_batch([sequence], writer, sequence)))
        for _ in range(5):
            kind, _, answer = client.receive()
            assert kind == 0 and 5 in fields(fields(answer)[1][0]), answer
    assert [ids for _, ids in client.read_all(table_id, 0)] == [[i] for i in range(100)]


def test_a_slow_reader_a_crowd_and_noise_do_not_disturb_a_worker(shared_server, table_name):
    worker = Client(shared_server.port)
    table_id = worker.create_table("hostile", table_name)
    for i in range(40):
        worker.produce(table_id, 0, make_batch(list(range(i * 10_000, (i + 1) * 10_000))))
    before = shared_server.memory_bytes()

    crowd = []
    with contextlib.ExitStack() as stack:
        for _ in range(2000):
            crowd.append(stack.enter_context(socket.create_connection(("127.0.0.1", shared_server.port))))
        # Asks for 3 MB again and again and reads nothing of it.
        slow = Client(shared_server.port)
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.socket.settimeout(0.2)
        request = wire.fetch_body(table_id, 0, 0)
        with contextlib.suppress(TimeoutError):
            for _ in range(50_000):
                slow.send(wire.FETCH_LOG, request)

        stop = threading.Event()

        def make_noise():
            noise = random.Random(1)
            while not stop.is_set():
                with contextlib.suppress(OSError):
                    with socket.create_connection(("127.0.0.1", shared_server.port)) as bad:
                        bad.sendall(noise.randbytes(noise.randint(1, 2000)))

        noisy = threading.Thread(target=make_noise, daemon=True)
        noisy.start()
        waits = []
        for _ in range(300):
            started = time.perf_counter()
            works(worker, table_id)
            waits.append(time.perf_counter() - started)
        stop.set()
        noisy.join()
        grown = shared_server.memory_bytes() - before
        waits.sort()
        print(f"\nappend and fetch beside 2,000 idle connections, a slow reader and noise: median "
              f"{waits[150] * 1000:.2f} ms, p99 {waits[297] * 1000:.2f} ms; memory {grown / MB:+.1f} MiB")
        assert grown < 120 * MB
        slow.close()
    works(worker, table_id)


def test_a_client_that_does_not_take_its_answers_is_not_read_from(small_limits_server):
    server = small_limits_server
    worker = Client(server.port)
    table_id = worker.create_table("hostile", "t")
    for i in range(20):
        worker.produce(table_id, 0, make_batch(list(range(i * 10_000, (i + 1) * 10_000))))
    greedy = Client(server.port)
    greedy.socket.settimeout(0.3)
    sent = 0
    with contextlib.suppress(TimeoutError):
        for sent in range(100_000):
            greedy.send(wire.FETCH_LOG, wire.fetch_body(table_id, 0, 0))
    assert sent < 99_999, "the server read everything and queued the answers"
    works(worker, table_id)


def test_stale_connections_are_closed_and_busy_ones_are_not(small_limits_server):
    server = small_limits_server
    busy = Client(server.port)
    table_id = busy.create_table("hostile", "t")
    idle = Client(server.port)
    partial = Client(server.port)
    partial.socket.sendall(b"\0\0\0\x20abc")
    parked = Client(server.port)
    parked.send(wire.FETCH_LOG, wire.fetch_body(table_id, 0, 0, max_wait_ms=4000, min_bytes=1))
    closed = []
    for client in (idle, partial):
        thread = threading.Thread(target=lambda c=client: closed.append(is_closed(c.socket, 15)))
        thread.start()
        while thread.is_alive():
            busy.call(wire.TABLE_EXISTS, block(1, path("a", "b")))
            time.sleep(0.05)
    assert closed == [True, True]
    # It waits for data, which is not idling.
    assert parked.receive()[0] == 0


def test_http_answers_and_refuses(shared_server):
    assert shared_server.get("/health/live") == "live\n"
    assert shared_server.get("/health/ready") == "ready\n"
    assert shared_server.get("/nothing") is None
    for sent, status in [(b"POST /health/live HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", b"405"),
                         (b"nonsense\r\n\r\n", b"400"),
                         (b"GET / HTTP/1.1\r\nX: " + b"y" * 40_000 + b"\r\n\r\n", b"431")]:
        with socket.create_connection(("127.0.0.1", shared_server.http_port), timeout=10) as http:
            with contextlib.suppress(OSError):
                http.sendall(sent)
            assert http.recv(100).split(b" ")[1] == status, sent[:40]
