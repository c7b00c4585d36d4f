"""How each peer is found on this machine, started, and told which version and carrier to take."""

import filecmp
import json
import os
import subprocess

from cells import AIOMOQT, NODE, PYTHON
from lab import actors, processes, wire
from lab.actors import OURS, RUST

ROOT = actors.ROOT
HERE = os.path.join(ROOT, "interop/matrix")
PEERS = os.path.join(ROOT, "build/peers")
BROADCAST = "clip.hang"
MAX_AGE = "10s"  # What is shown is that all arrives, not how late it may be on a busy machine.
# The newest of the several that the packages of interop/browser bring along.
NODE_PACKAGES = os.path.join(PEERS, "browser/node_modules/@moq/msf/node_modules")
NODE_FLAGS = ("--experimental-websocket",)  # Node 20 has WebSocket, and hides it.
# How our programs call what a carrier is made of.
TRANSPORTS = {"moqt": "quic", "http": "webtransport", "https": "webtransport", "ws": "websocket", "wss": "websocket", "tcp": "tcp", "unix": "unix"}


def python(venv):
    return os.path.join(PEERS, venv, "bin/python")


def install():
    """Brings the packages of PyPI and npm here; says what went wrong, which `absent` then shows."""
    # That of the browser bundles pages, too, for which there is no need here.
    locked = [os.path.join(ROOT, path) for path in ("interop/browser/package-lock.json", "build/peers/browser/installed")]
    browser = () if os.path.exists(locked[1]) and filecmp.cmp(*locked, shallow=False) else ("interop/browser/install",)
    for script in ("interop/python/install", *browser):
        done = subprocess.run([os.path.join(ROOT, script)], cwd=ROOT, capture_output=True, text=True)
        if done.returncode != 0:
            print(f"{script}: {(done.stderr or done.stdout).strip()}", flush=True)


def absent():
    """Why a peer cannot take part here, by peer."""
    why = {}
    if lacking := actors.missing_programs([RUST]):
        why[RUST] = f"{', '.join(os.path.relpath(path, ROOT) for path in lacking)} not built, see interop/rust/install"
    if not os.access(python("python"), os.X_OK):
        why[PYTHON] = "the package could not be installed"
    if not os.access(python("aiomoqt"), os.X_OK):
        why[AIOMOQT] = "it needs Python 3.12 or newer"
    if not os.path.isdir(NODE_PACKAGES) or not node_has_websocket():
        why[NODE] = "it needs node 20 or newer, and its package"
    return why


def node_has_websocket():
    try:
        tried = subprocess.run(["node", *NODE_FLAGS, "-p", "typeof WebSocket"], capture_output=True, text=True)
    except OSError:
        return False
    return tried.stdout.strip() == "function"


def versions():
    """What takes part, in words."""

    def said(command):
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "?"

    def package(venv, name):
        return said([python(venv), "-c", f"import importlib.metadata; print(importlib.metadata.version('{name}'))"])

    with open(os.path.join(NODE_PACKAGES, "@moq/net/package.json")) as file:
        net = json.load(file)["version"]
    return ", ".join((
        f"Rust: {said([actors.program(RUST, 'moq'), '--version'])} (moq-cli), {said([actors.program(RUST, 'moq-relay'), '--version'])}",
        f"PyPI: moq-rs {package('python', 'moq-rs')} with moq-ffi {package('python', 'moq-ffi')}, aiomoqt {package('aiomoqt', 'aiomoqt')}",
        f"npm: @moq/net {net} in Node {said(['node', '--version'])}"))  # fmt: skip


class Place:
    """Where a cell plays: a relay, and how it is reached."""

    def __init__(self, lab, cell):
        self.lab, self.cell = lab, cell
        self.certificate = actors.Certificate(lab)
        self.port = processes.free_port()
        self._ports = {"wss": processes.free_port(), "tcp": processes.free_port()}
        self._socket = lab.path("relay.sock")
        self.relay = None

    def start_relay(self):
        ways = {"wss": ["--web-https-listen", f"127.0.0.1:{self._ports['wss']}"],
                "tcp": ["--listen-tcp-bind", f"127.0.0.1:{self._ports['tcp']}"],
                "unix": ["--listen-unix-bind", self._socket]}  # fmt: skip
        extra = [flag for carrier in sorted(set(self.cell.carriers())) for flag in ways.get(carrier, [])]
        if "wss" in self.cell.carriers() and self.cell.relay == RUST:
            extra += ["--web-https-cert", self.certificate.cert, "--web-https-key", self.certificate.key]
        if self.cell.version:
            extra += ["--listen-version", self.cell.version]
        self.relay = actors.Relay(self.lab, self.cell.relay, self.port, self.certificate, extra=extra)
        self.relay.start()

    def url(self, carrier):
        if carrier == "unix":
            return f"unix://{self._socket}"
        return f"{carrier}://127.0.0.1:{self._ports.get(carrier, self.port)}/"

    def flags(self, flavor, carrier):
        """Of our program, or the Rust one: it comes by this carrier and no other."""
        flags = actors.url_flags(self.url(carrier), self.certificate, self.cell.version)
        if carrier in ("http", "https"):
            flags += ["--connect-websocket=false" if flavor == OURS else "--connect-websocket-enabled=false"]
        return flags

    def script(self, peer, role, carrier):
        url = self.url(carrier)
        if peer == PYTHON:
            return [python("python"), os.path.join(HERE, "peer_moq_rs.py"), role, url, self.certificate.fingerprint, BROADCAST]
        if peer == AIOMOQT:
            draft = self.cell.version.rsplit("-", 1)[1]
            return [python("aiomoqt"), os.path.join(HERE, "peer_aiomoqt.py"), role, url, draft, BROADCAST]
        return ["node", *NODE_FLAGS, os.path.join(HERE, "peer_node.mjs"), NODE_PACKAGES, role, url, BROADCAST]

    def wrong_sessions(self, publisher, subscriber):
        """What our programs say of their sessions that the cell is not about."""
        found = []
        ends = ((publisher, self.cell.publisher, self.cell.carriers()[0]), (subscriber, self.cell.subscriber, self.cell.carriers()[1]))
        for child, flavor, carrier in ends:
            for event in child.of("connected") if flavor == OURS else ():
                version, transport = event.values.get("version"), event.values.get("transport")
                if transport != TRANSPORTS[carrier]:
                    found.append(f"the {child.name} came by {transport}, not by {carrier}")
                if self.cell.version not in (None, version.replace("moqt-", "moq-transport-")):
                    found.append(f"the {child.name} speaks {version}, not {self.cell.version}")
        return found


def publisher(place, clip, recording):
    peer, carrier = place.cell.publisher, place.cell.carriers()[0]
    if peer in (OURS, RUST):
        return actors.Publisher(place.lab, peer, place.flags(peer, carrier), BROADCAST, clip)
    if peer == PYTHON:
        return actors.Publisher(place.lab, peer, None, BROADCAST, clip, command=place.script(peer, "publish", carrier))
    return wire.Publisher(place.lab, place.script(peer, "publish", carrier), recording)


def subscriber(place):
    peer, carrier = place.cell.subscriber, place.cell.carriers()[1]
    if peer in (OURS, RUST):
        return actors.Subscriber(place.lab, peer, place.flags(peer, carrier), BROADCAST, "subscriber", MAX_AGE)
    return wire.Subscriber(place.lab, place.script(peer, "subscribe", carrier))
