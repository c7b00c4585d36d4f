"""Child processes whose output is read as it comes, and which never outlive this one."""

import atexit
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

_EVENT = re.compile(r"\bevent=(\w+)((?:\s+\w+=(?:\"(?:[^\"\\]|\\.)*\"|\S*))*)")
_PAIR = re.compile(r"(\w+)=(\"(?:[^\"\\]|\\.)*\"|\S*)")
# How the Rust programs say the same; they have no epoch, so it is counted.
_RUST_CONNECTED = re.compile(r"moq_tokio::connection: connected\b")
_RUST_LISTENING = re.compile(r"moq_relay::\w+: listening addr=(\S+) kind=\"(\w+)\"")


class Lab:
    """Owns a folder and the processes of one run; without `keep` the folder goes with it.

    `clock()` is seconds since its start. `on_event(child, event)` sees every event as it is read.
    """

    def __init__(self, name, keep=None):
        self.folder = keep or tempfile.mkdtemp(prefix=f"moq-{name}-")
        os.makedirs(self.folder, exist_ok=True)
        self._keep = keep is not None
        self.on_event = lambda child, event: None
        self._started = time.monotonic()
        self._children = []
        self._closers = []
        atexit.register(self.close)

    def clock(self):
        return time.monotonic() - self._started

    def path(self, name):
        return os.path.join(self.folder, name)

    def spawn(self, name, arguments, **options):
        child = Child(self, name, arguments, **options)
        self._children.append(child)
        return child

    @property
    def kept(self):
        """Whether the folder stays."""
        return self._keep

    def children(self):
        return list(self._children)

    def on_close(self, closer):
        """Calls `closer` at the end, for what is no process."""
        self._closers.append(closer)

    def close(self):
        for child in self._children:
            child.kill()
        self._children.clear()
        while self._closers:
            self._closers.pop()()
        if not self._keep:
            shutil.rmtree(self.folder, ignore_errors=True)


class Event:
    def __init__(self, at, name, values):
        self.at, self.name, self.values = at, name, values

    def number(self, key):
        return int(self.values.get(key, -1))


class Child:
    """One process. `events` are those of its log, with the time each was read."""

    def __init__(self, lab, name, arguments, stdin=None, stdout=None, on_output=None):
        self.lab, self.name = lab, name
        self.events = []
        self.changed = threading.Condition()
        self.started = lab.clock()
        self.ended = None
        self._epochs = 0
        environment = dict(os.environ, NO_COLOR="1", RUST_BACKTRACE="0")
        self._log = open(lab.path(f"{name}.log"), "ab")
        self._log.write(f"$ {' '.join(arguments)}\n".encode())
        self._log.flush()
        self.process = subprocess.Popen(
            arguments,
            stdin=stdin or subprocess.DEVNULL,
            stdout=subprocess.PIPE if on_output else stdout or subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        threads = [threading.Thread(target=self._read_log, daemon=True)]
        if on_output:
            threads.append(threading.Thread(target=self._read_output, args=(on_output,), daemon=True))
        threads.append(threading.Thread(target=self._wait, daemon=True))
        self._readers = threads[:-1]
        for thread in threads:
            thread.start()

    @property
    def running(self):
        return self.process.poll() is None

    def log_tail(self, lines=12):
        with open(self.lab.path(f"{self.name}.log"), errors="replace") as log:
            return "".join(log.readlines()[-lines:])

    def of(self, name):
        with self.changed:
            return [event for event in self.events if event.name == name]

    def wait_for(self, predicate, seconds):
        """Whether `predicate()` came true within `seconds`; looks at each event and each output."""
        deadline = time.monotonic() + seconds
        with self.changed:
            while not predicate():
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self.changed.wait(min(left, 0.1))
        return True

    def kill(self, how=signal.SIGKILL):
        if self.running:
            try:
                os.killpg(self.process.pid, how)
            except ProcessLookupError:
                pass

    def stop(self, seconds=5.0):
        """SIGTERM, then SIGKILL; returns the exit code once its output has been read."""
        self.kill(signal.SIGTERM)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            self.process.wait()
        for reader in self._readers:
            reader.join(2.0)
        return self.process.returncode

    def _wait(self):
        self.process.wait()
        with self.changed:
            self.ended = self.lab.clock()
            self.changed.notify_all()

    def _read_output(self, on_output):
        while chunk := os.read(self.process.stdout.fileno(), 1 << 20):
            on_output(chunk, self.lab.clock())
            with self.changed:
                self.changed.notify_all()

    def _read_log(self):
        for line in self.process.stderr:
            now = self.lab.clock()
            self._log.write(line)
            self._log.flush()
            event = self._parse(line.decode(errors="replace"), now)
            with self.changed:
                if event:
                    self.events.append(event)
                self.changed.notify_all()
            if event:
                self.lab.on_event(self, event)

    def _parse(self, line, now):
        found = _EVENT.search(line)
        if found:
            values = {key: value.strip('"') for key, value in _PAIR.findall(found[2])}
            return Event(now, found[1], values)
        if _RUST_CONNECTED.search(line):
            self._epochs += 1
            return Event(now, "connected", {"epoch": str(self._epochs)})
        if found := _RUST_LISTENING.search(line):
            return Event(now, "listening", {"addr": found[1], "kind": found[2]})
        return None


def free_port():
    """A port of 127.0.0.1 that is free for UDP and TCP both."""
    for _ in range(100):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            udp.bind(("127.0.0.1", 0))
            port = udp.getsockname()[1]
            try:
                tcp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")


def udp_port_is_bound(port):
    """Whether some socket of this machine receives on UDP `port`, as the kernel tells."""
    suffix = f":{port:04X}"
    for table in ("/proc/net/udp", "/proc/net/udp6"):
        try:
            with open(table) as rows:
                if any(row.split()[1].endswith(suffix) for row in list(rows)[1:]):
                    return True
        except FileNotFoundError:
            pass
    return False
