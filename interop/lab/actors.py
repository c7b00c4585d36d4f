"""Relay, publisher and subscriber, ours or the Rust ones, with the flags they share."""

import hashlib
import os
import ssl
import subprocess
import threading
import time

from . import mp4
from .processes import udp_port_is_bound

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OURS, RUST = "ours", "rust"
# MOQ_BIN_DIR tries another build of ours.
PROGRAMS = {OURS: os.environ.get("MOQ_BIN_DIR", os.path.join(ROOT, "build/release/bin")), RUST: os.path.join(ROOT, "build/peers/rust/bin")}
GROUP_SECONDS = 1


def program(flavor, name):
    return os.path.join(PROGRAMS[flavor], name)


def missing_programs(flavors):
    wanted = [program(flavor, name) for flavor in flavors for name in ("moq", "moq-relay")]
    return [path for path in wanted if not os.access(path, os.X_OK)]


def make_clip(path, seconds, size="1280x720", group_seconds=GROUP_SECONDS):
    """H.264 and AAC with a moving picture, a key frame each `group_seconds`."""
    if os.path.exists(path):
        return
    partial = f"{path}.{os.getpid()}.mp4"
    rate = 30
    group = str(round(rate * group_seconds))
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y",
         "-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}",
         "-f", "lavfi", "-i", "sine=frequency=440:beep_factor=4:sample_rate=48000",
         "-t", str(seconds), "-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-profile:v", "main",
         "-g", group, "-keyint_min", group, "-sc_threshold", "0",
         "-pix_fmt", "yuv420p", "-b:v", "1500k", "-c:a", "aac", "-b:a", "96k", partial],
        check=True)  # fmt: skip
    os.replace(partial, path)


class Certificate:
    """Self-signed for localhost, kept over restarts of a relay. P-256 and 10 days, as browsers ask for pins."""

    def __init__(self, lab):
        # In a folder of their own: the Rust relay reads them again at whatever happens to a file beside them.
        os.makedirs(lab.path("tls"), exist_ok=True)
        self.cert, self.key = lab.path("tls/cert.pem"), lab.path("tls/key.pem")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-days", "10", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
             "-keyout", self.key, "-out", self.cert],
            check=True, stderr=subprocess.DEVNULL)  # fmt: skip
        with open(self.cert) as pem:
            der = ssl.PEM_cert_to_DER_cert(pem.read())
        self.fingerprint = hashlib.sha256(der).hexdigest()


class Relay:
    def __init__(self, lab, flavor, port, certificate, name="relay", extra=()):
        self.lab, self.flavor, self.port, self.name = lab, flavor, port, name
        address = f"127.0.0.1:{port}"
        self._arguments = [
            program(flavor, "moq-relay"), "--listen", address, "--web-http-listen", address,
            "--listen-tls-cert", certificate.cert, "--listen-tls-key", certificate.key,
            "--auth-public", "**", *extra]  # fmt: skip
        self.child = None

    def start(self, seconds=10.0):
        """Starts it, and returns the time at which its UDP port was bound."""
        self.child = self.lab.spawn(self.name, self._arguments)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if udp_port_is_bound(self.port):
                return self.lab.clock()
            if not self.child.running:
                raise RuntimeError(f"{self.name} ended at its start:\n{self.child.log_tail()}")
            time.sleep(0.005)
        raise RuntimeError(f"{self.name} does not listen after {seconds} s:\n{self.child.log_tail()}")

    def kill(self):
        """SIGKILL; returns when the port is free."""
        self.child.kill()
        self.child.process.wait()
        while udp_port_is_bound(self.port):
            time.sleep(0.005)


def connect_flags(scheme, port, certificate, version=None):
    """How a client finds the relay. `http` learns the certificate by itself, the others pin it."""
    return url_flags(f"{scheme}://127.0.0.1:{port}/", certificate, version)


def url_flags(url, certificate, version=None):
    flags = ["--connect", url]
    if url.startswith(("moqt:", "https:", "wss:")):
        flags += ["--connect-tls-fingerprint", certificate.fingerprint]
    if version:
        flags += ["--connect-version", version]
    return flags


def feed(flavor, clip, endless=False):
    """ffmpeg that writes the clip to stdout at real time, in fragments that this `moq import fmp4` takes; with `endless`, over and over."""
    # The Rust importer refuses what frag_every_frame makes of two tracks; see docs/cli.md.
    one_frame = ["-movflags", "cmaf+separate_moof+delay_moov+skip_trailer+frag_every_frame"]
    short = ["-movflags", "cmaf+separate_moof+delay_moov+skip_trailer", "-frag_duration", "30000"]
    return ["ffmpeg", "-v", "error", "-re", *(["-stream_loop", "-1"] if endless else []), "-i", clip, "-c", "copy", "-f", "mp4",
            *(one_frame if flavor == OURS else short), "pipe:1"]  # fmt: skip


class Publisher:
    """ffmpeg at real time into `moq import fmp4`, or into another `command` that takes what Rust's does, once it wrote something to
    stdout; with `endless`, the clip over and over."""

    def __init__(self, lab, flavor, connect, broadcast, clip, name="publisher", endless=False, command=None):
        self.name, self.flavor = name, flavor
        read_end, write_end = os.pipe()
        ready = threading.Event()
        if command:
            self.child = lab.spawn(name, command, stdin=read_end, on_output=lambda chunk, now: ready.set())
            while not ready.wait(0.1) and self.child.running:
                pass
        self.ffmpeg = lab.spawn(f"{name}-ffmpeg", feed(flavor, clip, endless), stdout=write_end)
        os.close(write_end)
        if not command:
            self.child = lab.spawn(
                name,
                [program(flavor, "moq"), "--log-level", "debug" if flavor == OURS else "info", *connect,
                 "--broadcast", broadcast, "import", "fmp4"],
                stdin=read_end)  # fmt: skip
        os.close(read_end)


class Subscriber:
    """`moq export fmp4` into a file; `growth` says when it grew to what size."""

    def __init__(self, lab, flavor, connect, broadcast, name, max_age=None):
        self.lab, self.name, self.flavor = lab, name, flavor
        self.media = mp4.Reader()
        self.growth = []
        self.broken = None
        self.path = lab.path(f"{name}.mp4")
        self._file = open(self.path, "wb")
        self._size = 0
        self.child = lab.spawn(
            name,
            [program(flavor, "moq"), "--log-level", "debug" if flavor == OURS else "info", *connect,
             "--broadcast", broadcast, "export", "fmp4", *(["--max-age", max_age] if max_age else [])],
            on_output=self._take)  # fmt: skip

    def _take(self, chunk, now):
        self._file.write(chunk)
        self._file.flush()
        self._size += len(chunk)
        try:
            if not self.broken:
                self.media.feed(chunk, now)
        except (mp4.BadMp4, IndexError, ValueError) as error:
            self.broken = str(error)
        self.growth.append((now, self._size))

    def grew_after(self, moment):
        """When the output first grew after `moment`, or None."""
        return next((at for at, _ in list(self.growth) if at > moment), None)

    def media_seconds(self):
        return max((cover.seconds for cover in mp4.coverage(self.media).values()), default=0.0)

    def least_seconds(self):
        """Of the track that has least, if there are two."""
        covers = mp4.coverage(self.media)
        return min(cover.seconds for cover in covers.values()) if len(covers) == 2 else 0.0

    def problems(self, allow_gaps=False, codecs=("h264", "aac"), camera_rate=None):
        """What is wrong with the output as a file: a list of sentences, empty if it is fine. Pictures of a camera, with
        `camera_rate` a second, come irregularly: one may be there before the last, by that rate, is over."""
        found = []
        if self.flavor == RUST and not self.broken:
            # It leaves off within a box when it is stopped, which is not what is judged here.
            os.truncate(self.path, self.media.whole_bytes)
        if self.broken:
            found.append(f"not fragmented MP4: {self.broken}")
        covers = mp4.coverage(self.media)
        kinds = sorted(cover.kind for cover in covers.values())
        if kinds != ["audio", "video"]:
            found.append(f"has tracks {kinds or 'none'}, not one of audio and one of video")
        found += mp4.faults(covers.values(), allow_gaps, camera_rate)
        frames, complaints = self.probe()
        found += [f"ffprobe: {line}" for line in complaints[:3]]
        found += [f"ffprobe finds no {codec} frame" for codec in codecs if not frames.get(codec)]
        return found

    def probe(self):
        """What ffprobe makes of the output: frames by codec, and its complaints."""
        return mp4.probe(self.path)
