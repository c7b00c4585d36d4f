"""What a peer cannot do, with the evidence: cells that are played, and need not work."""

from cells import NODE, RUST

# (which cells, why). The text is what docs/interop.md says.
_LIMITS = (
    (lambda cell: cell.version == "moq-transport-20" and (cell.publisher == NODE or (cell.subscriber == NODE and cell.relay == RUST)),
     "`@moq/net` 0.3.4 writes and reads LARGEST_OBJECT of a draft 20 SUBSCRIBE_OK with a length before it (`ietf/parameters.js`); from "
     "draft 17 on it has none. The Rust relay refuses it too (\"malformed track: short buffer\"), and its own, as soon as it "
     "has a group to name, is refused by `@moq/net` (\"trailing bytes in message parameter Location\")."),
)  # fmt: skip


def of(cell):
    """Why it does not work, if that is known."""
    return next((why for which, why in _LIMITS if which(cell)), None)


def number(why):
    return [text for _, text in _LIMITS].index(why) + 1


def text():
    return "\n".join(f"{number(why)}. {why}" for _, why in _LIMITS)
