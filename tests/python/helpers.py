"""What the scenario tests share: making tables, appending, reading everything back."""

import time

import fluss
import pyarrow as pa

DATABASE = "scenarios"


async def make_table(connection, name, schema, buckets=1, **descriptor):
    admin = connection.get_admin()
    await admin.create_database(DATABASE, ignore_if_exists=True)
    path = fluss.TablePath(DATABASE, name)
    await admin.create_table(
        path, fluss.TableDescriptor(fluss.Schema(schema), bucket_count=buckets, **descriptor)
    )
    return await connection.get_table(path)


async def append(table, *batches):
    writer = table.new_append().create_writer()
    for batch in batches:
        writer.write_arrow_batch(batch)
    await writer.flush()


async def batch_scanner(table, columns=None, start=fluss.EARLIEST_OFFSET, buckets=None):
    scan = table.new_scan()
    if columns is not None:
        scan = scan.project_by_name(columns)
    scanner = await scan.create_record_batch_log_scanner()
    count = table.get_table_info().num_buckets
    scanner.subscribe_buckets({b: start for b in (buckets or range(count))})
    return scanner


async def read_all(table, columns=None):
    """All rows up to the latest offsets, as one Arrow table."""
    return await (await batch_scanner(table, columns)).to_arrow()


async def poll_rows(scanner, count, timeout_s=30.0):
    """Polls a record scanner until `count` records have come; returns them in order of arrival."""
    records = []
    deadline = time.monotonic() + timeout_s
    while len(records) < count:
        assert time.monotonic() < deadline, f"{len(records)} of {count} records after {timeout_s} s"
        for record in await scanner.poll(500):
            records.append(record)
    return records


def numbers(first, count, text="row"):
    """A batch (id BIGINT, name STRING) with ids first..first+count-1."""
    ids = range(first, first + count)
    return pa.record_batch(
        [pa.array(ids, pa.int64()), pa.array([f"{text}-{i}" for i in ids])],
        schema=NUMBERS,
    )


NUMBERS = pa.schema([("id", pa.int64()), ("name", pa.string())])
