"""A Strom server process for tests: started, watched, stopped and killed by its own id."""

import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def binary() -> str:
    path = os.environ.get("STROM_BINARY", str(ROOT / "build" / "release" / "strom"))
    if not os.access(path, os.X_OK):
        raise RuntimeError(f"{path} is missing: run ./dev build first")
    return path


class StromServer:
    """Keeps its ports and data over restarts, as a real deployment does."""

    def __init__(self, data_dir, settings=None):
        self.data_dir = str(data_dir)
        self.port = free_port()
        self.http_port = free_port()
        self.settings = dict(settings or {})
        self.process = None
        self.log_path = pathlib.Path(self.data_dir).with_suffix(".log")

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def command(self):
        settings = {
            "bind.listeners": f"FLUSS://127.0.0.1:{self.port}",
            "server.http.listen": f"127.0.0.1:{self.http_port}",
            # The disk of whoever runs the tests may be as full as it likes.
            "server.data-disk.write-limit-ratio": "1.0",
            **self.settings,
        }
        command = [binary(), "server", "--data-dir", self.data_dir]
        for key, value in settings.items():
            command += ["--set", f"{key}={value}"]
        return command

    def environment(self):
        return dict(os.environ)

    def start(self, timeout_s: float = 30.0):
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, env=self.environment())
        log.close()
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"server ended with {self.process.returncode}:\n{self.log()}")
            if self.get("/health/ready") is not None:
                return self
            time.sleep(0.01)
        raise RuntimeError(f"server not ready after {timeout_s} s:\n{self.log()}")

    def get(self, path: str):
        """Body of a GET on the HTTP port, or None if it does not answer with 200."""
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.http_port}{path}", timeout=5
            ) as answer:
                return answer.read().decode() if answer.status == 200 else None
        except OSError:
            return None

    def stop(self, timeout_s: float = 30.0) -> int:
        """SIGTERM; returns the exit code."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout_s)
        self.process = None
        return code

    def kill(self):
        """SIGKILL: nothing is flushed, nothing is said."""
        if self.process is None:
            return
        self.process.kill()
        self.process.wait()
        self.process = None

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")[-4000:]

    def memory_bytes(self) -> int:
        """Resident set of the process."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("no VmRSS")
