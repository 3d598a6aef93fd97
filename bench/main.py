"""./dev bench [--quick] [--runs N] [--volume PERCENT] [--only strom|peer] [figure…]

Runs Strom and the peers one after the other on this machine under the same load and prints CPU seconds
of the server that carries it. Raw values stay in build/bench/results.json; a run of all figures writes
docs/benchmarks.md."""

import argparse
import datetime
import json
import os
import pathlib
import platform
import time

import kafka
import report
from figures import CACHES_OF_PEER, CACHES_OF_STROM, SOON_IDLE, Figures
from servers import Peer, ROOT, Strom

FIGURES = ["append", "scan", "wide", "filter", "latency", "concurrent", "buckets", "upsert", "lookup",
           "memory"]
# Of Strom alone: a thousand stores of the peer fill a disk.
ALONE = ["idle"]
OUT = ROOT / "build" / "bench"


def measure(make_server, names, runs, scale, fsync=None, bucket_counts=None):
    """name -> values of all runs but the first."""
    values = {}
    if fsync is None:
        for _ in range(runs):
            started = time.monotonic()
            with make_server() as server:
                values.setdefault("start to ready", []).append((time.monotonic() - started) * 1e3)
                time.sleep(1)
                values.setdefault("resident, idle", []).append(server.resident_bytes() / 1e6)
    with make_server() as server:
        figures = Figures(server, fsync, scale)
        for name in names:
            once = name in ("buckets", "filter", "memory", "idle")
            for run in range(1 if once else runs + 1):
                found = figures.buckets(bucket_counts) if name == "buckets" else getattr(figures, name)()
                print(f"  {server.name}{figures.suffix}: {name}, run {run}", flush=True)
                if run > 0 or once:
                    for key, value in found.items():
                        values.setdefault(key, []).append(value)
    return values


def machine():
    with open("/proc/cpuinfo") as f:
        model = next((line.split(":")[1].strip() for line in f if line.startswith("model name")), "?")
    return f"{os.cpu_count()} cores of {model}, Linux {platform.release()}"


def main():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("figures", nargs="*", help=f"of {', '.join(FIGURES + ALONE + ['kafka'])}; all if none is named")
    parser.add_argument("--quick", action="store_true", help="as --volume 20 --runs 1")
    parser.add_argument("--runs", type=int, default=3, help="counted runs of a figure (one more is dropped)")
    parser.add_argument("--volume", type=int, default=100, metavar="PERCENT", help="of the full load of a run")
    parser.add_argument("--only", choices=["strom", "peer"])
    arguments = parser.parse_args()
    wanted = arguments.figures or FIGURES + ALONE + ["kafka"]
    for name in wanted:
        if name not in FIGURES + ALONE + ["kafka"]:
            parser.error(f"there is no figure '{name}'")
    names = [name for name in FIGURES if name in wanted]
    runs, volume = (1, 20) if arguments.quick else (arguments.runs, arguments.volume)
    scale = volume / 100
    OUT.mkdir(parents=True, exist_ok=True)
    results = {"strom": {}, "peer": {}, "kafka": {}}
    if names and arguments.only != "peer":
        results["strom"] = measure(lambda: Strom(OUT / "strom"), names, runs, scale,
                                   bucket_counts=(1, 100, 10_000))
        synced = [name for name in names if name in ("append", "latency", "concurrent", "upsert")]
        if synced:
            results["strom"].update(measure(lambda: Strom(OUT / "strom", "ack"), synced, runs, scale, "ack"))
        if "lookup" in names:
            results["strom"] |= measure(lambda: Strom(OUT / "strom", **CACHES_OF_STROM), ["beyond_cache"], runs,
                                        scale, "never")
    if "idle" in wanted and arguments.only != "peer":
        results["strom"] |= measure(lambda: Strom(OUT / "strom", **SOON_IDLE), ["idle"], runs, scale, "never")
    if names and arguments.only != "strom":
        results["peer"] = measure(lambda: Peer(OUT / "peer"), names, runs, scale, bucket_counts=(1, 100))
        if "lookup" in names:
            results["peer"] |= measure(lambda: Peer(OUT / "peer", **CACHES_OF_PEER), ["beyond_cache"], runs, scale,
                                       "never")
    rows = report.table(results["strom"], results["peer"])
    if "kafka" in wanted:
        results["kafka"] = kafka.measure(OUT, runs, scale)
        rows += report.table(*kafka.beside(results["kafka"]))
    print("\n" + report.as_text(rows))
    stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    (OUT / "results.json").write_text(json.dumps({"at": stamp, "machine": machine(), **results}, indent=1))
    if not arguments.figures and not arguments.only:
        write_page(rows, stamp, runs, volume)
    missed = [row[0] for row in rows if row[-1] == "MISSED"]
    print(f"\nbudgets missed: {', '.join(missed) if missed else 'none'}")


def write_page(rows, stamp, runs, volume):
    page = pathlib.Path(ROOT / "docs" / "benchmarks.md")
    page.write_text(f"""# Benchmarks

Written by `./dev bench` on {stamp}: {machine()}. {volume} % of the full
volume; median of {runs} run(s) after one that is dropped; +-% is half the spread. Peer: Apache Fluss 0.9.1
(its tablet server alone; ZooKeeper and coordinator come on top), in the rows of Kafka: Apache Kafka 4.1, one
node. Same load for all, on one machine, one server after the other. Cost is CPU time of the server, user
and system, by the clock of its process.

`client`: pyfluss 1.0.0. `frames` and latencies: `strom bench`, which sends made batches over a few
connections, so that the server is the limit; latencies count from when an append was due at its fixed rate.
`fsync ack` is Strom's default and stands beside a peer that does not sync. Why a
budget is missed: [performance.md](performance.md).

{report.as_markdown(rows)}
""")


if __name__ == "__main__":
    main()
