"""The main job, watched: a relay is killed under a live broadcast and comes back on the same ports."""

import dataclasses
import threading
import time

from . import actors, mp4, processes

BROADCAST = "demo.hang"
WARM_UP_SECONDS = 4.0  # Of media at every subscriber before the relay is killed.
BETWEEN_SECONDS = 1.0  # Of watching after it is back, before it is killed again.
AFTERWARDS_SECONDS = 5.0  # Of watching after the last time.
RESUME_LIMIT_SECONDS = 1.0
# Longer than the outage and what comes with it: this subscriber wants all that the publisher still holds.
PATIENT_MAX_AGE = "20s"
_SHOWN = ("connected", "disconnected", "dial_failed", "gave_up", "published", "announced", "unannounced", "group_lost")


@dataclasses.dataclass
class Cast:
    publisher: str = actors.OURS
    relay: str = actors.OURS
    subscriber: str = actors.OURS

    def flavors(self):
        return {self.publisher, self.relay, self.subscriber}


@dataclasses.dataclass
class Check:
    name: str
    good: bool
    detail: str


class Timeline:
    """Prints what happens when it happens: time, who, what."""

    def __init__(self, lab, show):
        self._lab, self._show, self._lock = lab, show, threading.Lock()
        lab.on_event = self._event

    def say(self, who, text, at=None):
        at = self._lab.clock() if at is None else at
        with self._lock:
            self._show(f"  {at:6.2f} s  {who:<13} {text}")

    def _event(self, child, event):
        if event.name in _SHOWN:
            values = " ".join(f"{key}={value}" for key, value in event.values.items() if key != "url")
            self.say(child.name, f"{event.name.replace('_', ' ')}  {values}", event.at)


def seconds(restarts, outage):
    """How much live media a run takes, with room for a slow machine."""
    return 40 + restarts * (outage + BETWEEN_SECONDS + 1)


def run(lab, cast, scheme, clip, outage=3.0, restarts=1, show=print):
    """Plays it; returns the checks. Raises RuntimeError if not even the start works."""
    timeline = Timeline(lab, show)
    certificate = actors.Certificate(lab)
    port = processes.free_port()
    connect = actors.connect_flags(scheme, port, certificate)

    relay = actors.Relay(lab, cast.relay, port, certificate)
    timeline.say("relay", f"listens on port {port}", relay.start())
    publisher = actors.Publisher(lab, cast.publisher, connect, BROADCAST, clip)
    subscribers = [
        actors.Subscriber(lab, cast.subscriber, connect, BROADCAST, "live"),
        actors.Subscriber(lab, cast.subscriber, connect, BROADCAST, "patient", PATIENT_MAX_AGE),
    ]
    for subscriber in subscribers:
        if not subscriber.child.wait_for(lambda: subscriber.media_seconds() >= WARM_UP_SECONDS, 20.0):
            raise RuntimeError(
                f"{subscriber.name} got {subscriber.media_seconds():.1f} s of media in 20 s\n"
                f"-- {subscriber.name}\n{subscriber.child.log_tail()}-- publisher\n{publisher.child.log_tail()}"
                f"-- relay\n{relay.child.log_tail()}")  # fmt: skip
        timeline.say(subscriber.name, f"has {subscriber.media_seconds():.1f} s of media")

    waits = {subscriber.name: [] for subscriber in subscribers}
    for number in range(restarts):
        if number > 0:
            time.sleep(BETWEEN_SECONDS)
        _restart(relay, subscribers, outage, timeline, waits)
        if not all(subscriber.child.running for subscriber in subscribers):
            break
    time.sleep(AFTERWARDS_SECONDS)

    running = {actor.name: actor.child.running for actor in (publisher, *subscribers)}
    for subscriber in subscribers:
        subscriber.child.stop()
    checks = []
    for actor in (publisher, *subscribers):
        checks += _session_checks(actor, running[actor.name], restarts)
    for subscriber in subscribers:
        checks += _output_checks(subscriber, waits[subscriber.name], restarts, show)
    return checks


def _restart(relay, subscribers, outage, timeline, waits):
    """Kills the relay and brings it back; adds to `waits` how long after each subscriber grew, None = not."""
    timeline.say("relay", "killed with SIGKILL", relay.kill())
    time.sleep(outage)
    before = {subscriber.name: subscriber.growth[-1][1] for subscriber in subscribers}
    accepting = relay.start()
    timeline.say("relay", "accepts again", accepting)
    for subscriber in subscribers:
        subscriber.child.wait_for(lambda: subscriber.grew_after(accepting) or not subscriber.child.running, 15.0)
        grew = subscriber.grew_after(accepting)
        waits[subscriber.name].append(grew - accepting if grew else None)
        if grew:
            timeline.say(subscriber.name, f"grows again, {grew - accepting:.2f} s after, from {before[subscriber.name]} bytes", grew)
        else:
            timeline.say(subscriber.name, "does not grow again")


def _session_checks(actor, running, restarts):
    epochs = [event.number("epoch") for event in actor.child.of("connected")]
    expected = list(range(1, restarts + 2))
    named = "1, 2" if restarts == 1 else f"1 to {restarts + 1}"
    checks = [
        Check(f"{actor.name}: still runs", running, "" if running else actor.child.log_tail(3).strip()),
        Check(f"{actor.name}: epochs {named} and no other", epochs == expected, f"epochs {_ranges(epochs)}"),
    ]
    if actor.flavor == actors.OURS:
        name = "published" if isinstance(actor, actors.Publisher) else "announced"
        times = len(actor.child.of(name))
        checks.append(Check(f"{actor.name}: {name} again", times > restarts, f"{times} times"))
    return checks


def _output_checks(subscriber, waits, restarts, show):
    slowest = max((float("inf") if wait is None else wait for wait in waits), default=float("inf"))
    waited = f"{slowest:.2f} s" if slowest < float("inf") else "never"
    if restarts > 1:
        waited = f"{sum(wait is not None for wait in waits)} of {restarts} times, {waited} at most"
    checks = [
        Check(f"{subscriber.name}: output grows within {RESUME_LIMIT_SECONDS:.0f} s",
              len(waits) == restarts and slowest <= RESUME_LIMIT_SECONDS, waited)]  # fmt: skip

    # Only the subscriber that did not ask for old groups may miss some, and it has to say which.
    covers = mp4.coverage(subscriber.media).values()
    gaps = [(cover.kind, at, length) for cover in covers for at, length in cover.gaps]
    told = subscriber.child.of("group_lost")
    for kind, at, length in gaps:
        show(f"            {subscriber.name:<13} lost {length:.2f} s of {kind} at {at:.2f} s")
    live = subscriber.name == "live"
    if not live:
        checks.append(Check(f"{subscriber.name}: nothing lost", not gaps, f"{len(gaps)} gaps"))
    elif subscriber.flavor == actors.OURS:
        checks.append(Check(f"{subscriber.name}: names what it lost", bool(told) or not gaps, f"{len(gaps)} gaps"))

    twice = _groups(subscriber, show)
    checks.append(Check(f"{subscriber.name}: no group twice", not twice, ", ".join(twice)))
    problems = subscriber.problems(allow_gaps=True)
    checks.append(Check(f"{subscriber.name}: its file is sound", not problems, "; ".join(problems[:3])))
    return checks


def _groups(subscriber, show):
    """Shows which groups arrived, by track; returns those that came twice."""
    by_track = {}
    for event in subscriber.child.of("group"):
        by_track.setdefault(event.values.get("track", "?"), []).append(event.number("sequence"))
    twice = []
    for track, sequences in sorted(by_track.items()):
        twice += [f"{track} {number}" for number in sorted(set(sequences)) if sequences.count(number) > 1]
        show(f"            {subscriber.name:<13} {track}: {len(sequences)} groups, {_ranges(sequences)}")
    return twice


def _ranges(numbers):
    ranges = []
    for number in sorted(set(numbers)):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ", ".join(f"{first}-{last}" if first != last else str(first) for first, last in ranges)
