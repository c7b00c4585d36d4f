"""The cases of interop/browser/run: each on its own processes, ports and browser."""

import argparse
import os
import re
import signal
import subprocess
import sys
import time
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "interop"))

from lab import actors, chromium, mp4, processes, site  # noqa: E402
from lab.actors import OURS  # noqa: E402

WEBTRANSPORT, WEBSOCKET = "webtransport", "websocket"
# What a page must not find, so that it comes by this one alone. The packages prefer WebSocketStream to WebSocket.
OTHER_CARRIERS = {WEBTRANSPORT: ("WebSocket", "WebSocketStream"), WEBSOCKET: ("WebTransport",)}
# By case: carriers and versions; None is the newest that both sides have, and for others the relay offers no other.
TRIED = {
    "page_plays_our_publisher": {
        WEBTRANSPORT: (None, "moq-lite-04", "moq-lite-02"),
        WEBSOCKET: (None, "moq-lite-01"),
    },
    "our_subscriber_records_the_camera": {WEBTRANSPORT: (None, "moq-lite-03", "moqt-16"), WEBSOCKET: (None,)},
    "page_of_the_demo_outlives_its_relay": {WEBTRANSPORT: (None,)},
}
WATCH_PAGE, PUBLISH_PAGE = os.path.join(ROOT, "build/web"), os.path.join(ROOT, "build/peers/browser/page")
PROBE = os.path.join(ROOT, "interop/browser/probe.js")
# The clip that ./demo makes, too.
CLIP_SECONDS = 45
CLIP = os.path.join(ROOT, "build", f"clip-{CLIP_SECONDS}.mp4")
# Only to leave room for a slow machine; a case takes as long as its pictures.
PATIENCE_SECONDS = 60.0

PICTURE_SIZE = (32, 18)  # As probe.js makes them.
PICTURE_RATE = 30  # Of actors.make_clip.
PICTURES, PICTURES_APART_MS = 6, 100.0
# By how much pictures may differ on where the clip begins; an endless clip's seam costs some, too.
STARTS_APART_MS = 100.0
# How far a small picture on the canvas may be from the clip's: scaling and colours differ a little, in 255.
PICTURE_DISTANCE = 6.0
# Less than from a picture of the clip to the next.
ALIKE_DISTANCE = 0.5
# The tone of actors.make_clip, and how finely probe.js tells tones apart.
TONE_HERTZ, TONE_TOLERANCE, TONE_DECIBELS = 440.0, 15.0, -50.0
CAMERA_RATE = 15
PUBLISHED_SECONDS = 2.0


class Stage:
    """What a case plays on: our relay, which offers `version` alone if there is one, and a browser that comes by `carrier`."""

    def __init__(self, lab, carrier, version, pictures):
        self.lab, self.carrier, self.version, self.pictures = lab, carrier, version, pictures

    def start_relay(self):
        certificate = actors.Certificate(self.lab)
        port = processes.free_port()
        extra = ["--listen-version", self.version] if self.version else []
        actors.Relay(self.lab, OURS, port, certificate, extra=extra).start()
        self.relay_url = f"http://127.0.0.1:{port}/"
        self.connect = actors.connect_flags("https", port, certificate)

    def serve(self, page, broadcast):
        """Serves the folder of `page`; returns the page's address, with the relay and the broadcast as its parameters."""
        folder, name = os.path.split(page)
        served = site.Site(folder)
        self.lab.on_close(served.close)
        query = urllib.parse.urlencode({"url": self.relay_url, "name": broadcast})
        return f"{served.url}{name}?{query}"

    def browser(self, *flags):
        return Page(self, chromium.Browser(self.lab, *flags))

    def check_session(self, session):
        transport, version = session["transport"], (session["version"] or "").replace("moq-transport-", "moqt-")
        expect(transport in (None, self.carrier), f"the page came by {transport}, not by {self.carrier}")
        expect(self.version in (None, version), f"the page speaks {version}, not {self.version}")


class Page:
    """A browser in a `with` that comes by the stage's carrier; an error in it says what the page's console and the logs say."""

    def __init__(self, stage, browser):
        self._stage, self._browser = stage, browser

    def __enter__(self):
        self._browser.__enter__()
        # The packages race the carriers; on a slow machine the other one would win now and then.
        for other in OTHER_CARRIERS[self._stage.carrier]:
            self._browser.before_each_page(f"delete globalThis.{other}")
        return self._browser

    def __exit__(self, kind, error, _):
        try:
            if isinstance(error, Exception):
                raise AssertionError(explanation(error, self._browser, self._stage.lab)) from error
        finally:
            self._browser.__exit__()


def expect(condition, text):
    if not condition:
        raise AssertionError(text)


def clip_pictures():
    """Every picture of the clip as probe.js sees them."""
    width, height = PICTURE_SIZE
    raw = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", CLIP, "-an", "-vf",
         f"scale={width}:{height}:flags=area:in_range=limited:out_range=full,format=yuv420p,extractplanes=y",
         "-f", "rawvideo", "pipe:1"],
        check=True, capture_output=True).stdout  # fmt: skip
    size = width * height
    return [raw[at : at + size] for at in range(0, len(raw), size)]


def nearest(picture, pictures):
    """The numbers of the clip's pictures that are most like `picture`, and how far they are from it on average. There may
    be several: the test pattern comes back to almost the same."""
    distances = [sum(abs(a - b) for a, b in zip(picture, other)) / len(picture) for other in pictures]
    least = min(distances)
    return [number for number, distance in enumerate(distances) if distance <= least + ALIKE_DISTANCE], least


def agree(seen):
    """Whether there is one place in the broadcast at which the clip begins, as all (ms, numbers in the clip) say. An
    endless clip begins at several, one of its lengths apart."""
    starts = [[timestamp - number * 1000 / PICTURE_RATE for number in numbers] for timestamp, numbers in seen]

    def apart(one, other):
        distance = abs(one - other) % (CLIP_SECONDS * 1000)
        return min(distance, CLIP_SECONDS * 1000 - distance)

    return any(all(any(apart(first, start) <= STARTS_APART_MS for start in places) for places in starts) for first in starts[0])


def check_pictures(browser, pictures, after=-1.0):
    """The canvas shows pictures of the clip later than `after` ms of the broadcast, each at the time that it has there;
    returns the times."""
    seen = []
    for _ in range(PICTURES):
        shown = browser.until(f"const shown = probe.picture(); return shown?.timestamp > {after} && shown", PATIENCE_SECONDS,
                              f"picture {len(seen) + 1} on the canvas")  # fmt: skip
        expect((shown["width"], shown["height"]) == (1280, 720), f"the canvas is {shown['width']} x {shown['height']}")
        numbers, distance = nearest(shown["luma"], pictures)
        expect(distance <= PICTURE_DISTANCE, f"no picture of the clip is nearer than {distance:.1f} to the one shown")
        seen.append((shown["timestamp"], numbers))
        after = shown["timestamp"] + PICTURES_APART_MS
    expect(agree(seen), f"times in the broadcast and numbers in the clip do not agree: {seen}")
    return [timestamp for timestamp, _ in seen]


def check_tone(browser):
    return browser.until(
        f"""const tone = probe.tone();
            return tone?.decibels > {TONE_DECIBELS} && Math.abs(tone.hertz - {TONE_HERTZ}) < {TONE_TOLERANCE} && tone""",
        PATIENCE_SECONDS, f"a tone of {TONE_HERTZ:.0f} Hz")  # fmt: skip


def put_probe(browser):
    with open(PROBE) as probe:
        browser.run(probe.read())


def page_plays_our_publisher(stage):
    """web/ plays what `moq import` publishes: pictures on the canvas, and sound once it is asked for."""
    stage.start_relay()
    with stage.browser() as browser:
        browser.open(stage.serve(os.path.join(WATCH_PAGE, "index.html"), "clip.hang"))
        put_probe(browser)
        session = browser.until("return probe.session()", PATIENCE_SECONDS, "a session")
        stage.check_session(session)
        actors.Publisher(stage.lab, OURS, stage.connect, "clip.hang", CLIP, endless=True)
        seen = check_pictures(browser, stage.pictures)
        browser.click("#sound")
        tone = check_tone(browser)
    return f"{session['version']}, pictures from {seen[0]:.0f} to {seen[-1]:.0f} ms, {tone['hertz']:.0f} Hz"


def our_subscriber_records_the_camera(stage):
    """`moq export` writes what the page publishes of a camera and a microphone."""
    stage.start_relay()
    with stage.browser(f"--use-fake-device-for-media-stream=fps={CAMERA_RATE}", "--use-fake-ui-for-media-stream") as browser:
        browser.open(stage.serve(os.path.join(PUBLISH_PAGE, "publish.html"), "camera.hang"))
        subscriber = actors.Subscriber(stage.lab, OURS, stage.connect, "camera.hang", "subscriber")

        def enough():
            covers = list(mp4.coverage(subscriber.media).values())
            return len(covers) == 2 and all(cover.seconds >= PUBLISHED_SECONDS for cover in covers)

        expect(subscriber.child.wait_for(enough, PATIENCE_SECONDS), f"only {subscriber.media_seconds():.1f} s of media came")
        session = browser.run("""const session = document.querySelector("moq-publish").connection.established.peek();
                                 return {transport: session.transport ?? null, version: session.version ?? null}""")
        stage.check_session(session)
        subscriber.child.stop()
        # A camera of a busy machine drops pictures.
        problems = subscriber.problems(allow_gaps=True, codecs=("h264", "opus"), camera_rate=CAMERA_RATE)
        expect(not problems, "; ".join(problems))
    frames, _ = subscriber.probe()
    return f"{session['version']}, " + ", ".join(f"{count} frames of {codec}" for codec, count in frames.items())


def page_of_the_demo_outlives_its_relay(stage):
    """`./demo --web` as it is: its page plays, and plays on when the relay was killed and came back."""
    read_end, write_end = os.pipe()
    output = bytearray()
    demo = stage.lab.spawn("demo", [sys.executable, os.path.join(ROOT, "scripts/demo.py"), "--web", "--port", "0", "--outage", "1"],
                           stdin=read_end, on_output=lambda chunk, now: output.extend(chunk))  # fmt: skip
    os.close(read_end)
    try:
        expect(demo.wait_for(lambda: b"Ctrl-C" in output, PATIENCE_SECONDS), f"the demo says:\n{output.decode()}")
        with stage.browser() as browser:
            browser.open(re.search(r"http://\S+", output.decode())[0])
            put_probe(browser)
            seen = check_pictures(browser, stage.pictures)
            os.write(write_end, b"\n")
            expect(demo.wait_for(lambda: b"relay is back" in output, PATIENCE_SECONDS), f"the demo says:\n{output.decode()}")
            line = browser.until("""return [...document.querySelectorAll("#log li")].map((line) => line.textContent)
                                        .find((text) => text.includes("session 2"))""", PATIENCE_SECONDS, "a second session")  # fmt: skip
            # Whatever was in flight when it died is over by a second of media.
            check_pictures(browser, stage.pictures, seen[-1] + 1000)
        demo.kill(signal.SIGINT)
        expect(demo.wait_for(lambda: not demo.running, PATIENCE_SECONDS), "the demo does not end")
        expect(demo.process.returncode == 0, f"the demo ends with {demo.process.returncode}")
    finally:
        os.close(write_end)
        demo.stop(PATIENCE_SECONDS)  # By itself: it has children of its own.
    return line[line.index("Connected") :]


def explanation(error, browser, lab):
    """The error with what is on the page's console, and in the logs."""
    text = f"{type(error).__name__}: {error}\n"
    try:
        text += "".join(f"console {line}\n" for line in browser.console()[-12:])
        if lab.kept:
            browser.screenshot(lab.path("page.png"))
    except (OSError, RuntimeError) as gone:
        text += f"the browser does not answer: {gone}\n"
    for child in lab.children():
        text += f"-- {child.name}{'' if child.running else ' (ended)'}\n{child.log_tail(5)}"
    return text


CASES = (page_plays_our_publisher, our_subscriber_records_the_camera, page_of_the_demo_outlives_its_relay)


def plan():
    """(name, case, carrier, version) of all that is tried."""
    for case in CASES:
        for carrier, versions in TRIED[case.__name__].items():
            for version in versions:
                yield f"{case.__name__} {carrier} {version or 'any-version'}", case, carrier, version


def main():
    parser = argparse.ArgumentParser(prog="interop/browser/run")
    parser.add_argument("--keep", action="store_true", help="keep logs, files and a failed page's picture in build/browser")
    parser.add_argument("filter", nargs="?", default="", help="run only cases whose name contains this")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # So that nothing is left running.
    chosen = [item for item in plan() if options.filter in item[0]]

    lacking = chromium.missing()
    if lacking:
        print(f"skipped: this machine has no {' and no '.join(lacking)}; scripts/setup --browser installs them")
        print(f"0 passed, 0 failed, {len(chosen)} skipped")
        return 0
    lacking = actors.missing_programs([OURS])
    if lacking:
        print("interop/browser: missing", *lacking, sep="\n  ")
        print("0 passed, 1 failed")
        return 1

    actors.make_clip(CLIP, CLIP_SECONDS)
    pictures = clip_pictures()
    passed = failed = 0
    for name, case, carrier, version in chosen:
        lab = processes.Lab("browser", keep=os.path.join(ROOT, "build/browser", name.replace(" ", "-")) if options.keep else None)
        started = time.monotonic()
        try:
            detail, good = case(Stage(lab, carrier, version, pictures)), True
        except Exception as error:  # Whatever a case meets is its result.
            detail, good = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}", False
        finally:
            lab.close()
        print(f"{'ok    ' if good else 'FAILED'} {name} ({time.monotonic() - started:.1f} s)", flush=True)
        print("    " + detail.rstrip().replace("\n", "\n    "), flush=True)
        passed, failed = passed + good, failed + (not good)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
