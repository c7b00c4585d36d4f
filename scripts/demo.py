"""The part of ./demo that plays and judges; ./demo sets up and builds first."""

import argparse
import os
import shutil
import signal
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "interop"))

from lab import actors, live, processes, restart  # noqa: E402


def main():
    parser = argparse.ArgumentParser(
        prog="demo",
        description="A live broadcast that survives its relay: killed, and back after an outage.")  # fmt: skip
    parser.add_argument("--peer", choices=["ours", "rust"], default="ours", help="whose relay stands between")
    parser.add_argument("--scheme", choices=["https", "http", "moqt"], default="https",
                        help="WebTransport with a pinned certificate, with a fetched one, or raw QUIC")  # fmt: skip
    parser.add_argument("--outage", type=float, default=3.0, metavar="SECONDS", help="how long the relay is away")
    parser.add_argument("--restarts", type=int, default=1, metavar="COUNT", help="how often it is killed")
    parser.add_argument("--web", action="store_true",
                        help="show the broadcast in a page of web/ instead, until Ctrl-C; Enter takes the relay away")  # fmt: skip
    parser.add_argument("--port", type=int, default=8080, help="where --web serves its page, 0 = any")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    cast = restart.Cast(relay=options.peer)
    folder = os.path.join(ROOT, "build", "demo")
    shutil.rmtree(folder, ignore_errors=True)
    lab = processes.Lab("demo", keep=folder)
    if options.web:
        return live.run(lab, cast, options.scheme, options.outage, options.port)
    clip_seconds = round(restart.seconds(options.restarts, options.outage))
    clip = os.path.join(ROOT, "build", f"clip-{clip_seconds}.mp4")
    actors.make_clip(clip, clip_seconds)

    print(f"\nffmpeg > moq import > moq-relay ({options.peer}) > two times moq export, over {options.scheme}://\n")
    try:
        checks = restart.run(lab, cast, options.scheme, clip, options.outage, options.restarts,
                             lambda line: print(line, flush=True))
    except RuntimeError as error:
        print(f"\ndemo: FAILED: {error}\nlogs: build/demo", flush=True)
        return 1
    finally:
        lab.close()

    print()
    for check in checks:
        print(f"  {'ok    ' if check.good else 'FAILED'}  {check.name}" + (f"  ({check.detail})" if check.detail else ""))
    failed = [check.name for check in checks if not check.good]
    print(f"\ndemo: {'FAILED: ' + ', '.join(failed) if failed else f'ok, {len(checks)} checks'}")
    print("logs and outputs: build/demo")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\ndemo: stopped")
        sys.exit(130)
