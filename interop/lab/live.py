"""What `./demo --web` does: a live broadcast for a page of ours, for as long as someone wants to watch."""

import os
import select
import sys
import time
import urllib.parse

from . import actors, processes, restart, site

PAGE = os.path.join(actors.ROOT, "build", "web")
CLIP_SECONDS = 45  # Of the clip that plays over and over; the one that ./demo makes, too.
_LOOK_SECONDS = 0.5


def run(lab, cast, scheme, outage, port):
    """Serves and publishes until Ctrl-C; a line on stdin takes the relay away for `outage` seconds. Returns the exit code."""
    clip = os.path.join(actors.ROOT, "build", f"clip-{CLIP_SECONDS}.mp4")
    actors.make_clip(clip, CLIP_SECONDS)
    certificate = actors.Certificate(lab)
    relay = actors.Relay(lab, cast.relay, processes.free_port(), certificate)
    try:
        pages = site.Site(PAGE, port)
    except OSError as error:
        print(f"demo: no page on port {port}: {error.strerror}; --port takes another")
        return 1
    lab.on_close(pages.close)
    relay.start()
    connect = actors.connect_flags(scheme, relay.port, certificate)
    publisher = actors.Publisher(lab, cast.publisher, connect, restart.BROADCAST, clip, endless=True)

    query = urllib.parse.urlencode({"url": f"http://127.0.0.1:{relay.port}/", "name": restart.BROADCAST})
    print(f"\nffmpeg > moq import > moq-relay ({cast.relay}) > a browser\n\n  {pages.url}?{query}\n")
    print(f"Enter takes the relay away for {outage:g} s. Ctrl-C ends.", flush=True)
    try:
        return _serve(lab, relay, (publisher.child, publisher.ffmpeg), outage)
    except KeyboardInterrupt:
        print("\ndemo: ended")
        return 0
    finally:
        lab.close()


def _serve(lab, relay, needed, outage):
    asked = [sys.stdin]
    while True:
        for child in (*needed, relay.child):
            if not child.running:
                print(f"demo: FAILED: {child.name} ended:\n{child.log_tail()}logs: build/demo")
                return 1
        ready, _, _ = select.select(asked, [], [], _LOOK_SECONDS)
        if not ready:
            continue
        if not sys.stdin.readline():
            asked = []  # Nobody is there to ask.
            continue
        relay.kill()
        print("the relay is killed", flush=True)
        time.sleep(outage)
        relay.start()
        print("the relay is back", flush=True)
