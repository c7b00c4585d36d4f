"""Reads fragmented MP4 as it grows, and says what is in it: which time each track covers, and how often.

Independent of the code under test: no log line is believed here, only the bytes that came out.
"""

import dataclasses
import struct
import subprocess


@dataclasses.dataclass
class Fragment:
    """One track's run of samples."""

    track: int
    start: int  # In the track's timescale.
    duration: int
    samples: int
    sync: bool  # Whether the first sample is a key frame.
    arrived: float  # When its last byte was seen.


@dataclasses.dataclass
class Track:
    kind: str = ""  # 'video' or 'audio'.
    timescale: int = 0
    default_duration: int = 0
    default_flags: int = 0


class BadMp4(Exception):
    pass


def _boxes(data, start, end):
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        header = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, start + 8)
            header = 16
        if size < header or start + size > end:
            raise BadMp4(f"box {kind!r} of {size} bytes does not fit")
        yield kind.decode("latin1"), start + header, start + size
        start += size


class Reader:
    """Takes bytes in any pieces; `tracks` and `fragments` grow."""

    # More than any fragment of a test; a size above is a framing error, not media.
    MAX_BOX_BYTES = 64 * 1024 * 1024

    def __init__(self):
        self.tracks = {}
        self.fragments = []
        self.order = []  # Kinds of the top level boxes.
        self.whole_bytes = 0  # Up to the end of the last box that completes header or media.
        self._pending = bytearray()
        self._taken_bytes = 0

    def feed(self, data, now):
        self._pending += data
        while len(self._pending) >= 8:
            size, kind = struct.unpack_from(">I4s", self._pending, 0)
            if size == 1 and len(self._pending) >= 16:
                (size,) = struct.unpack_from(">Q", self._pending, 8)
            if size < 8 or size > self.MAX_BOX_BYTES:
                raise BadMp4(f"box {bytes(kind)!r} claims {size} bytes")
            if len(self._pending) < size:
                return
            box = bytes(self._pending[:size])
            del self._pending[:size]
            self._taken_bytes += size
            self._take(kind.decode("latin1"), box, now)
            if bytes(kind) in (b"moov", b"mdat"):
                self.whole_bytes = self._taken_bytes

    def _take(self, kind, box, now):
        self.order.append(kind)
        if kind == "moov":
            self._movie(box)
        elif kind == "moof":
            self._movie_fragment(box, now)
        elif kind == "mdat":
            for fragment in reversed(self.fragments):
                if fragment.arrived:
                    break
                fragment.arrived = now

    def _movie(self, box):
        for kind, start, end in _boxes(box, 8, len(box)):
            if kind == "trak":
                self._track(box, start, end)
            elif kind == "mvex":
                for inner, at, _ in _boxes(box, start, end):
                    if inner == "trex":
                        number, _, duration, _, flags = struct.unpack_from(">5I", box, at + 4)
                        track = self.tracks.setdefault(number, Track())
                        track.default_duration, track.default_flags = duration, flags

    def _track(self, box, start, end):
        number, kind, timescale = 0, "", 0
        for name, at, stop in _boxes(box, start, end):
            if name == "tkhd":
                (number,) = struct.unpack_from(">I", box, at + (20 if box[at] else 12))
            elif name == "mdia":
                for inner, inner_at, _ in _boxes(box, at, stop):
                    if inner == "mdhd":
                        (timescale,) = struct.unpack_from(">I", box, inner_at + (20 if box[inner_at] else 12))
                    elif inner == "hdlr":
                        kind = {b"vide": "video", b"soun": "audio"}.get(box[inner_at + 8 : inner_at + 12], "other")
        track = self.tracks.setdefault(number, Track())
        track.kind, track.timescale = kind, timescale

    def _movie_fragment(self, box, now):
        for kind, start, end in _boxes(box, 8, len(box)):
            if kind == "traf":
                self.fragments.append(self._track_fragment(box, start, end))

    def _track_fragment(self, box, start, end):
        number, decode_time, default_duration, default_flags = 0, None, None, None
        samples, duration, first_flags = 0, 0, None
        for kind, at, _ in _boxes(box, start, end):
            flags = struct.unpack_from(">I", box, at)[0] & 0xFFFFFF
            if kind == "tfhd":
                (number,) = struct.unpack_from(">I", box, at + 4)
                track = self.tracks.get(number)
                if track is None:
                    raise BadMp4(f"a fragment of track {number}, which moov does not have")
                default_duration, default_flags = track.default_duration, track.default_flags
                cursor = at + 8 + (8 if flags & 0x1 else 0) + (4 if flags & 0x2 else 0)
                if flags & 0x8:
                    (default_duration,) = struct.unpack_from(">I", box, cursor)
                    cursor += 4
                cursor += 4 if flags & 0x10 else 0
                if flags & 0x20:
                    (default_flags,) = struct.unpack_from(">I", box, cursor)
            elif kind == "tfdt":
                (decode_time,) = struct.unpack_from(">Q" if box[at] else ">I", box, at + 4)
            elif kind == "trun":
                (count,) = struct.unpack_from(">I", box, at + 4)
                cursor = at + 8 + (4 if flags & 0x1 else 0)
                if flags & 0x4:
                    if first_flags is None:
                        (first_flags,) = struct.unpack_from(">I", box, cursor)
                    cursor += 4
                for _ in range(count):
                    if flags & 0x100:
                        duration += struct.unpack_from(">I", box, cursor)[0]
                        cursor += 4
                    else:
                        duration += default_duration
                    cursor += 4 if flags & 0x200 else 0
                    if flags & 0x400:
                        if first_flags is None:
                            (first_flags,) = struct.unpack_from(">I", box, cursor)
                        cursor += 4
                    cursor += 4 if flags & 0x800 else 0
                samples += count
        if decode_time is None:
            raise BadMp4("a traf without tfdt")
        sample_flags = default_flags if first_flags is None else first_flags
        return Fragment(number, decode_time, duration, samples, not sample_flags & 0x10000, 0.0)


@dataclasses.dataclass
class Coverage:
    """What one track of an output covers."""

    kind: str
    seconds: float = 0.0
    samples: int = 0
    starts_with_key: bool = False
    repeated: list = dataclasses.field(default_factory=list)  # (seconds of media time, of overlap).
    gaps: list = dataclasses.field(default_factory=list)  # (seconds of media time, of gap).


def coverage(reader, tolerance=0.012):
    """Coverage by track number. A repeat or gap shorter than `tolerance` seconds is rounding."""
    result = {}
    expected = {}
    for fragment in reader.fragments:
        track = reader.tracks[fragment.track]
        scale = track.timescale or 1
        cover = result.get(fragment.track)
        if cover is None:
            cover = result[fragment.track] = Coverage(track.kind, starts_with_key=fragment.sync)
        else:
            step = (fragment.start - expected[fragment.track]) / scale
            # A run of one sample may not know its duration: what follows then seems late by one sample.
            if step < -tolerance:
                cover.repeated.append((fragment.start / scale, -step))
            elif step > tolerance:
                cover.gaps.append((expected[fragment.track] / scale, step))
        expected[fragment.track] = max(expected.get(fragment.track, 0), fragment.start + fragment.duration)
        cover.seconds += fragment.duration / scale
        cover.samples += fragment.samples
    return result


def faults(covers, allow_gaps=False, camera_rate=None):
    """What is wrong with tracks, in sentences: no key frame first, repeats, gaps. Of a camera of `camera_rate` a picture may come
    up to its own length early."""
    found = []
    for cover in covers:
        if cover.kind == "video" and not cover.starts_with_key:
            found.append("video does not start at a key frame")
        for at, length in cover.repeated:
            if cover.kind == "audio" or not camera_rate or length > 0.9 / camera_rate:
                found.append(f"{cover.kind} at {at:.2f} s came twice ({length:.3f} s)")
        if not allow_gaps:
            for at, length in cover.gaps:
                found.append(f"{cover.kind} has a gap of {length:.3f} s at {at:.2f} s")
    return found


def probe(path):
    """What ffprobe makes of a file: frames by codec, and its complaints."""
    done = subprocess.run(
        ["ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=codec_name,nb_read_frames", "-of", "csv=p=0", path],
        capture_output=True, text=True)  # fmt: skip
    rows = [line.rstrip(",").split(",") for line in done.stdout.split() if "," in line]
    return {row[0]: int(row[1]) for row in rows if row[1].isdigit()}, done.stderr.splitlines()
