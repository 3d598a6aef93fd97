import asyncio
import itertools

import fluss
import pytest

from strom_server import StromServer

_table_numbers = itertools.count()


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory):
    """One server for all tests that do not stop it."""
    server = StromServer(tmp_path_factory.mktemp("strom") / "data").start()
    yield server
    assert server.stop() == 0, server.log()


@pytest.fixture
def own_server(tmp_path):
    """A server of the test's own, which it may stop, kill and restart."""
    server = StromServer(tmp_path / "data").start()
    yield server
    if server.process is not None:
        server.stop()


@pytest.fixture
def table_name():
    return f"t{next(_table_numbers)}"


def run(coroutine, timeout_s: float = 120.0):
    """Runs a test body; a hang fails instead of blocking the suite."""
    return asyncio.run(asyncio.wait_for(coroutine, timeout_s))


async def connect(server, **properties):
    return await fluss.FlussConnection.create(
        fluss.Config({"bootstrap.servers": server.address, **properties})
    )
