"""What is tried: each cell is a publisher, a relay and a subscriber, with the version they are held to and how they are reached."""

import dataclasses
import itertools

from lab.actors import OURS, RUST

PYTHON, AIOMOQT, NODE = "moq-rs", "aiomoqt", "@moq/net"
NAMES = {OURS: "libmoq", RUST: "Rust", PYTHON: "moq-rs", AIOMOQT: "aiomoqt", NODE: "@moq/net"}

LITE = tuple(f"moq-lite-{number:02}" for number in range(1, 7))
DRAFTS = tuple(f"moq-transport-{number}" for number in range(14, 23))
VERSIONS = LITE + DRAFTS
CARRIERS = ("moqt", "http", "https", "ws", "wss", "tcp", "unix")


def drafts(*numbers):
    return tuple(f"moq-transport-{number}" for number in numbers)


# What each claims to speak, and over what.
CLAIMS = {
    OURS: (VERSIONS, CARRIERS),
    RUST: (VERSIONS, CARRIERS),
    PYTHON: (VERSIONS, ("moqt", "http", "https", "ws", "tcp", "unix")),
    AIOMOQT: (drafts(14, 16, 18, 20, 22), ("moqt", "https")),
    NODE: (LITE[:5] + drafts(14, 15, 16, 17, 18, 20), ("ws",)),
}


@dataclasses.dataclass(frozen=True)
class Cell:
    publisher: str
    relay: str
    subscriber: str
    version: str | None  # None: whatever they agree on.
    carrier: str
    subscriber_carrier: str | None = None  # If it is another than the publisher's.

    @property
    def name(self):
        carriers = self.carrier + (f"+{self.subscriber_carrier}" if self.subscriber_carrier else "")
        return f"{self.publisher} > {self.relay} > {self.subscriber} {self.version or 'any-version'} {carriers}"

    @property
    def folder(self):
        """A name for its files, short enough for a socket beside them, and without what URLs escape."""
        return self.name.replace(" > ", "-").replace(" ", "-").replace("@moq/net", "node")

    @property
    def cast(self):
        return self.publisher, self.relay, self.subscriber

    def carriers(self):
        """The publisher's and the subscriber's."""
        return self.carrier, self.subscriber_carrier or self.carrier


def short(version):
    """A column's title: L for moq-lite, the draft's number for moq-transport."""
    return "newest" if version is None else version.replace("moq-lite-", "lite ").replace("moq-transport-", "")


def way_of(cell, peer):
    """How a peer comes to the relay, or whoever comes if it is the relay."""
    return cell.carriers()[1] if peer == cell.subscriber and peer != cell.publisher else cell.carrier


CASTS = tuple(itertools.product((OURS, RUST), repeat=3))


def pairs():
    """Ours and the Rust programs in each part, at the newest version that they have in common."""
    for cast in CASTS:
        for carrier in CARRIERS:
            yield Cell(*cast, None, carrier)


def versions():
    """The same at each version over raw QUIC; WebTransport and WebSocket where clients and relay are not of one make."""
    for cast in CASTS:
        for version in VERSIONS if OURS in cast else ():
            yield Cell(*cast, version, "moqt")
    for cast in ((OURS, RUST, OURS), (RUST, OURS, RUST)):
        for carrier in ("https", "ws"):
            for version in VERSIONS:
                yield Cell(*cast, version, carrier)


def libraries():
    """Libraries of others through our relay, at each version and carrier that they claim, our program at the other end."""
    for peer in (PYTHON, AIOMOQT, NODE):
        claimed, ways = CLAIMS[peer]
        for carrier in ways:
            # One version is enough where all that differs is a carrier of the Rust programs.
            for version in (None,) if peer == PYTHON and carrier != "moqt" else claimed:
                yield Cell(peer, OURS, OURS, version, carrier)
                yield Cell(OURS, OURS, peer, version, carrier)


def strangers():
    """Libraries of others with each other through our relay, each over its first carrier."""
    for one, two in itertools.product((PYTHON, AIOMOQT, NODE), repeat=2):
        common = [version for version in CLAIMS[one][0] if version in CLAIMS[two][0]]
        ways = CLAIMS[one][1][0], CLAIMS[two][1][0]
        for version in common if one != two and AIOMOQT in (one, two) else common[-1:]:
            yield Cell(one, OURS, two, version, ways[0], ways[1] if ways[1] != ways[0] else None)


def foreign_relay():
    """Libraries of others through the Rust relay: whether what fails with ours fails there."""
    for peer, some in ((AIOMOQT, CLAIMS[AIOMOQT][0]), (NODE, ("moq-lite-05", *drafts(16, 18, 20)))):
        for version in some:
            yield Cell(peer, RUST, OURS, version, CLAIMS[peer][1][0])
            yield Cell(OURS, RUST, peer, version, CLAIMS[peer][1][0])


SECTIONS = (
    ("### Each pair, newest common version", pairs, "carrier"),
    ("### Each pair, each version", versions, "version"),
    ("### Libraries through libmoq's relay", libraries, "version"),
    ("### Libraries with each other through libmoq's relay", strangers, "version"),
    ("### Libraries through the Rust relay", foreign_relay, "version"),
)
# With --quick: one of each kind.
QUICK_VERSIONS = (None, "moq-lite-04", "moq-transport-16", "moq-transport-18")
