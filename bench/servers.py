"""The servers that are measured: Strom, the peer (three JVMs), Kafka. Each is started in a folder of
its own, watched through /proc, and ended by the ids of its processes."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "python"))
import wire  # noqa: E402

JARS = ROOT / ".tools" / "jars"
CPUCLOCK_SCHED = 2  # clock_getcpuclockid(3), which Python has for threads only
OPENS = [flag for package in ("java.nio", "java.lang", "java.util", "sun.nio.ch", "java.net")
         for flag in ("--add-opens", f"java.base/{package}=ALL-UNNAMED")]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Process:
    def __init__(self, command, log, **options):
        with open(log, "ab") as out:
            self.popen = subprocess.Popen(command, stdout=out, stderr=out, **options)

    @property
    def pid(self):
        return self.popen.pid

    def cpu_seconds(self):
        """Of all its threads, ended ones too, by the process's CPU clock: /proc counts in steps of 10 ms."""
        return time.clock_gettime(~self.pid << 3 | CPUCLOCK_SCHED)

    def resident_bytes(self):
        with open(f"/proc/{self.pid}/status") as f:
            return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmRSS"))

    def end(self, how=signal.SIGTERM, timeout_s=30):
        if self.popen.poll() is None:
            self.popen.send_signal(how)
            try:
                self.popen.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()


class Server:
    """One that listens on `port` with data in `folder`; `processes` are all of it, the one that
    serves the load comes first."""

    name = "?"

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.port = free_port()
        self.processes = []

    @property
    def admin_port(self):
        """Where tables are created and clients begin."""
        return self.port

    def run(self, command, name, **options):
        process = Process(command, self.folder / f"{name}.log", **options)
        self.processes.append(process)
        return process

    def wait_for_port(self, port, timeout_s=60):
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if any(p.popen.poll() is not None for p in self.processes):
                raise RuntimeError(f"{self.name} ended; see {self.folder}/*.log")
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.002)
        raise RuntimeError(f"{self.name} does not listen on {port} after {timeout_s} s")

    def cpu_seconds(self):
        """Of the process that serves the load."""
        return self.processes[0].cpu_seconds()

    def cpu_seconds_of_all(self):
        return sum(p.cpu_seconds() for p in self.processes)

    def resident_bytes(self):
        return sum(p.resident_bytes() for p in self.processes)

    def open_files(self):
        return sum(len(os.listdir(f"/proc/{p.pid}/fd")) for p in self.processes)

    def stop(self):
        for process in self.processes:
            process.end()
        shutil.rmtree(self.folder / "data", ignore_errors=True)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()


class Strom(Server):
    name = "Strom"

    def __init__(self, folder, fsync="never", **settings):
        super().__init__(folder)
        self.settings = {"log.fsync": fsync, **settings}

    def start(self):
        command = [str(ROOT / "build/release/strom"), "server", "--data-dir", str(self.folder / "data")]
        for key, value in {"bind.listeners": f"FLUSS://127.0.0.1:{self.port}", "server.http.listen": "",
                           "server.data-disk.write-limit-ratio": "1.0",
                           **self.settings}.items():
            command += ["--set", f"{key}={value}"]
        self.run(command, "strom")
        self.wait_for_port(self.port)


class Peer(Server):
    """Apache Fluss 0.9.1: tablet server, coordinator, ZooKeeper."""

    name = "Fluss 0.9.1"

    def __init__(self, folder, **settings):
        super().__init__(folder)
        self.settings = settings

    def java(self, name, main, *arguments, heap="1g"):
        classpath = ":".join(str(jar) for jar in sorted((JARS / "fluss").glob("*.jar")))
        return Process(["java", f"-Xmx{heap}", f"-XX:MaxDirectMemorySize={heap}", *OPENS,
                        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", classpath, main, *arguments],
                       self.folder / f"{name}.log")

    @property
    def admin_port(self):
        return self.coordinator_port

    def configure(self, name, **settings):
        folder = self.folder / name
        folder.mkdir()
        settings = {"zookeeper.address": f"127.0.0.1:{self.zookeeper_port}",
                    "remote.data.dir": str(self.folder / "data" / "remote"), **settings}
        (folder / "server.yaml").write_text("".join(f"{k}: {v}\n" for k, v in settings.items()))
        return folder

    def start(self):
        self.zookeeper_port = free_port()
        zoo = self.folder / "zoo.cfg"
        zoo.write_text(f"dataDir={self.folder}/data/zookeeper\nclientPort={self.zookeeper_port}\n"
                       "clientPortAddress=127.0.0.1\nadmin.enableServer=false\ntickTime=2000\n")
        main = "org.apache.fluss.server"
        zookeeper = self.java("zookeeper", "org.apache.fluss.shaded.zookeeper3.org.apache.zookeeper.server."
                              "ZooKeeperServerMain", str(zoo), heap="256m")
        self.processes = [zookeeper]
        self.wait_for_port(self.zookeeper_port)
        coordinator_port = free_port()
        conf = self.configure("coordinator", **{"bind.listeners": f"FLUSS://127.0.0.1:{coordinator_port}"})
        coordinator = self.java("coordinator-server", f"{main}.coordinator.CoordinatorServer", "--configDir",
                                str(conf), heap="512m")
        self.processes.append(coordinator)
        self.wait_for_port(coordinator_port)
        conf = self.configure("tablet", **{"bind.listeners": f"FLUSS://127.0.0.1:{self.port}",
                                           "tablet-server.id": "0", "data.dir": str(self.folder / "data/tablet"),
                                           **self.settings})
        tablet = self.java("tablet-server", f"{main}.tablet.TabletServer", "--configDir", str(conf), heap="2g")
        self.processes.insert(0, tablet)
        self.wait_for_port(self.port)
        self.coordinator_port = coordinator_port
        self.wait_for_tables()

    def wait_for_tables(self, timeout_s=60):
        """It listens some seconds before the coordinator places buckets on it."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                client = wire.Client(self.admin_port)
                client.create_table("ready", "ready")
                client.close()
                return
            except (OSError, wire.ServerError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)


class Kafka(Server):
    """One node, KRaft."""

    name = "Kafka 4.1"

    def start(self):
        controller = free_port()
        conf = self.folder / "server.properties"
        conf.write_text(f"""process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{self.port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={self.folder}/data
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
auto.create.topics.enable=true
""")
        subprocess.run(self.command("kafka.tools.StorageTool", "format", "-t", "cIkxbMXZRX6oIYwBhLCdhA",
                                    "-c", str(conf)), check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        self.run(self.command("kafka.Kafka", str(conf), heap="2g"), "kafka")
        self.wait_for_port(self.port)

    @staticmethod
    def command(main, *arguments, heap="512m"):
        return ["java", f"-Xmx{heap}", "-cp", str(JARS / "kafka" / "*"), main, *arguments]
