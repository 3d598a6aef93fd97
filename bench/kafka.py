"""Full rows against Apache Kafka: the same bytes written and read as whole records."""

import re
import subprocess
import time

import load
from figures import Figures, GB
from servers import Kafka, Strom

RECORD_BYTES = 1024


def tool(server, main, *arguments):
    done = subprocess.run(Kafka.command(main, *arguments), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def kafka_once(server, topic, total):
    records = total // RECORD_BYTES
    bootstrap = f"127.0.0.1:{server.port}"
    load.warm_memory(server.folder.parent, total)
    with load.Usage(server) as wrote:
        out = tool(server, "org.apache.kafka.tools.ProducerPerformance", "--topic", topic, "--num-records",
                   str(records), "--record-size", str(RECORD_BYTES), "--throughput", "-1", "--producer-props",
                   f"bootstrap.servers={bootstrap}", "batch.size=1000000", "linger.ms=5", "acks=1")
    assert re.search(rf"{records} records sent", out), out[-500:]
    with load.Usage(server) as read:
        tool(server, "org.apache.kafka.tools.ConsumerPerformance", "--topic", topic, "--bootstrap-server",
             bootstrap, "--messages", str(records), "--fetch-size", str(1 << 20))
    return {"full rows written": wrote.cpu / (total / GB), "full rows read": read.cpu / (total / GB)}


def strom_once(figures, total):
    name = figures.name()
    wrote = figures.produce(name, total)
    read = load.native(figures.server, "fetch", name, seconds=300)
    assert read["rows"] == wrote["rows"], (read["rows"], wrote["rows"])
    load.drop_table(figures.server, name)
    return {"full rows written": wrote["cpu"] / (wrote["record_bytes"] / GB),
            "full rows read": read["cpu"] / (read["received_bytes"] / GB)}


def measure(folder, runs, scale):
    """"strom" and "kafka": name -> runs."""
    total = int(1e9 * scale)
    found = {"strom": {}, "kafka": {}}
    for key, server, once in (
            ("kafka", Kafka(folder / "kafka"), lambda s, i: kafka_once(s, f"t{i}", total)),
            ("strom", Strom(folder / "strom-rows"), None)):
        with server:
            time.sleep(1)
            figures = Figures(server) if once is None else None
            for run in range(runs + 1):
                values = once(server, run) if once else strom_once(figures, total)
                print(f"  {server.name}: kafka, run {run}", flush=True)
                if run > 0:
                    for name, value in values.items():
                        found[key].setdefault(name, []).append(value)
    return found


def beside(found):
    """Strom's and Kafka's values under names that say so."""
    return ({f"{n} (beside Kafka)": v for n, v in found["strom"].items()},
            {f"{n} (beside Kafka)": v for n, v in found["kafka"].items()})
