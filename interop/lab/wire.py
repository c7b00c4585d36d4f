"""Publishers and subscribers that only know tracks, groups and frames: libraries of others, each behind a script of interop/matrix.

Such a script speaks JSON lines. As a publisher it writes `{}` when it is connected, and reads `{"track"}` for each track that there will be, then frames,
`{"track", "group", "us", "data"}`: the group's number, the time in microseconds, the payload in base64. As a subscriber it reads
`{"track"}` for each to subscribe to, and writes each frame as it comes, `{"track", "group", "index", "data"}`.
"""

import base64
import json
import os
import struct
import subprocess
import threading
import time

from . import mp4

CATALOG = "catalog.json"


class Recording:
    """A clip as a broadcast of hang's, one frame of media a frame, in cmaf."""

    def __init__(self, clip, group_seconds=1.0):
        video, audio = _fragments(clip, "v:0"), _fragments(clip, "a:0")
        config = video[0].index(b"avcC") + 5
        self.catalog = json.dumps({
            "video": {"renditions": {"0.m4s": {"codec": "avc1." + video[0][config : config + 3].hex(), "codedWidth": 1280,
                                               "codedHeight": 720, "container": _cmaf(video[0])}}},
            "audio": {"renditions": {"1.m4s": {"codec": "mp4a.40.2", "sampleRate": 48000, "numberOfChannels": 1,
                                               "container": _cmaf(audio[0])}}},
        }).encode()  # fmt: skip
        frames = []  # (seconds, track, group, payload)
        for name, (init, *rest) in (("0.m4s", video), ("1.m4s", audio)):
            reader, group, began = mp4.Reader(), -1, None
            reader.feed(init, 0)
            for payload in rest:
                reader.feed(payload, 0)
                fragment = reader.fragments[-1]
                at = fragment.start / reader.tracks[fragment.track].timescale
                # Any sample of audio may begin a group.
                if began is None or (name == "0.m4s" and fragment.sync) or (name == "1.m4s" and at - began >= group_seconds):
                    group, began = group + 1, at
                frames.append((at, name, group, payload))
        self.frames = sorted(frames, key=lambda frame: frame[0])

    def lines(self):
        """(seconds at which it is due, line) of all, the catalog first."""
        names = (CATALOG, "0.m4s", "1.m4s")
        for name in names:
            yield 0.0, {"track": name}
        yield 0.0, _line(CATALOG, 0, 0.0, self.catalog)
        for at, name, group, payload in self.frames:
            yield at, _line(name, group, at, payload)


def _line(name, group, at, payload):
    return {"track": name, "group": group, "us": round(at * 1e6), "data": base64.b64encode(payload).decode()}


def _cmaf(init):
    return {"kind": "cmaf", "init": base64.b64encode(init).decode()}


def _fragments(clip, stream):
    """The init segment of one of the clip's streams, and one piece for each sample."""
    data = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", clip, "-map", stream, "-c", "copy", "-f", "mp4",
         "-movflags", "cmaf+separate_moof+delay_moov+skip_trailer+frag_every_frame", "pipe:1"],
        check=True, capture_output=True).stdout  # fmt: skip
    pieces, begin, at = [], 0, 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        at += size
        if kind in (b"moov", b"mdat"):
            pieces.append(data[begin:at])
            begin = at
    return pieces


class Publisher:
    """Plays a recording at its own speed into a script that publishes."""

    def __init__(self, lab, command, recording, name="publisher"):
        self.name = name
        self._connected = threading.Event()
        read_end, write_end = os.pipe()
        self.child = lab.spawn(name, command, stdin=read_end, on_output=lambda chunk, now: self._connected.set())
        os.close(read_end)
        threading.Thread(target=self._play, args=(recording, write_end), daemon=True).start()

    def _play(self, recording, write_end):
        while not self._connected.wait(0.5):
            if not self.child.running:
                os.close(write_end)
                return
        try:
            with os.fdopen(write_end, "w") as pipe:
                started = time.monotonic()
                for at, line in recording.lines():
                    early = at - (time.monotonic() - started)
                    if early > 0:
                        pipe.flush()
                        time.sleep(early)
                    pipe.write(json.dumps(line) + "\n")
        except BrokenPipeError:
            pass  # The child is gone.


class Subscriber:
    """A script that subscribes: the catalog, then what it names. Its frames are judged as files, one a track.

    The newest group of a track does not count yet: of the one before it something may still be on its way.
    """

    def __init__(self, lab, command, name="subscriber"):
        self.lab, self.name = lab, name
        self.broken = None
        self._inits = {}  # By track.
        self._frames = {}  # By track, by (group, index).
        self._files = {}  # By track, as far as they count.
        self._partial = b""
        read_end, write_end = os.pipe()
        self._asks = os.fdopen(write_end, "w")
        self.child = lab.spawn(name, command, stdin=read_end, on_output=self._take)
        os.close(read_end)
        lab.on_close(self._close)
        self._ask(CATALOG)

    def _close(self):
        try:
            self._asks.close()
        except BrokenPipeError:
            pass

    def _ask(self, name):
        try:
            self._asks.write(json.dumps({"track": name}) + "\n")
            self._asks.flush()
        except BrokenPipeError:
            pass  # The child is gone.

    def _take(self, chunk, _):
        *lines, self._partial = (self._partial + chunk).split(b"\n")
        for line in lines:
            try:
                if not self.broken:
                    self._frame(json.loads(line))
            except (IndexError, KeyError, ValueError) as error:
                self.broken = f"{type(error).__name__}: {error}"

    def _frame(self, frame):
        name, payload = frame["track"], base64.b64decode(frame["data"])
        if name == CATALOG:
            if not self._inits:
                self._subscribe(json.loads(payload))
            return
        frames, place = self._frames[name], (frame["group"], frame["index"])
        if place in frames:
            raise ValueError(f"{name}: frame {place} came twice")
        newest = max(frames, default=(-1, 0))[0]
        frames[place] = payload
        if place[0] != newest:
            whole = [frames[at] for at in sorted(frames) if at[0] < max(frames)[0]]
            self._files[name] = b"".join([self._inits[name], *whole])

    def _subscribe(self, catalog):
        renditions = {**catalog["video"]["renditions"], **catalog["audio"]["renditions"]}
        self._inits = {name: base64.b64decode(rendition["container"]["init"]) for name, rendition in renditions.items()}
        for name, init in self._inits.items():
            self._frames[name], self._files[name] = {}, init
            self._ask(name)

    def _coverages(self):
        covers = []
        for name, data in list(self._files.items()):
            reader = mp4.Reader()
            try:
                reader.feed(data, 0.0)
            except (mp4.BadMp4, IndexError, ValueError) as error:
                self.broken = f"{name} is not fragmented MP4: {error}"
            covers += mp4.coverage(reader).values()
        return covers

    def least_seconds(self):
        covers = self._coverages()
        return min(cover.seconds for cover in covers) if len(covers) == 2 else 0.0

    def problems(self):
        """What is wrong with what came: a list of sentences, empty if it is fine."""
        covers = self._coverages()
        found = [f"not what was published: {self.broken}"] if self.broken else []
        kinds = sorted(cover.kind for cover in covers)
        if kinds != ["audio", "video"]:
            found.append(f"has tracks {kinds or 'none'}, not one of audio and one of video")
        found += mp4.faults(covers)
        for name, data in list(self._files.items()):
            path = self.lab.path(f"{self.name}-{name.replace('/', '_')}")
            with open(path, "wb") as file:
                file.write(data)
            frames, complaints = mp4.probe(path)
            found += [f"ffprobe: {line}" for line in complaints[:3]]
            if not any(frames.values()):
                found.append(f"ffprobe finds no frame in {name}")
        return found
