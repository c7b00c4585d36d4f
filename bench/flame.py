"""Flame graphs: stacks as `perf script` prints them, folded and drawn as SVG."""

import collections
import html
import re

WIDTH, ROW, CHARACTER = 1200, 16, 6.2  # Pixels.
MIN_WIDTH = 0.4  # Pixels; narrower frames are left out.
# What every stack begins with, and the machinery of coroutines in between, says nothing.
_BORING = re.compile(r"^(_start|__libc_start_main.*|__libc_start_call_main|main|clone3?|start_thread|\[unknown\]|entry_SYSCALL_64_after_hwframe|do_syscall_64|"
                     r"x64_sys_call|__x64_sys_\w+|__sys_\w+|___sys_\w+)$")  # fmt: skip
_HEAD = re.compile(r"^(\S.*?)\s+\d+")
_FRAME = re.compile(r"^\s+[0-9a-f]+ (.*?)(?:\+0x[0-9a-f]+)? \((.*?)\)$")


def short(name, module):
    """A frame's name without what makes it long: arguments, template arguments, our own namespaces."""
    if name == "[unknown]":
        return f"[{module.rsplit('/', 1)[-1].split('.so')[0]}]" if module.startswith("/") else name
    name = name.replace("(anonymous namespace)::", "").replace("{lambda", "<lambda")
    depth, out = 0, []
    for character in name:
        if character in "<({":
            depth += 1
        elif character in ">)}":
            depth -= 1
        elif depth == 0:
            out.append(character)
    name = "".join(out).replace("moq::", "").replace("transport::quic::internal::", "quic::").replace("transport::quic::", "quic::")
    return name.strip().split(" ")[-1] or "<lambda>"


def fold(lines):
    """A Counter of stacks, each a tuple of frames from the outermost on."""
    stacks, frames = collections.Counter(), []
    for line in lines:
        line = line.rstrip("\n")
        if found := _FRAME.match(line):
            frames.append(short(found[1], found[2]))
        elif not line.strip() and frames:
            stack = [frame for frame in reversed(frames) if not _BORING.match(frame)]
            # Frames that a compiler repeats for one call, and runs of unknown ones, count once.
            merged = [frame for index, frame in enumerate(stack) if index == 0 or frame != stack[index - 1]]
            stacks[tuple(merged)] += 1
            frames = []
    return stacks


def inclusive(stacks):
    """The share of all samples in which each frame is somewhere on the stack."""
    total = sum(stacks.values())
    out = collections.Counter()
    for stack, count in stacks.items():
        for frame in set(stack):
            out[frame] += count
    return {frame: count / total for frame, count in out.items()}


def tree(stacks):
    root = {"count": 0, "children": {}}
    for stack, count in stacks.items():
        node = root
        node["count"] += count
        for frame in stack:
            node = node["children"].setdefault(frame, {"count": 0, "children": {}})
            node["count"] += count
    return root


def _color(name):
    if name.startswith(("ngtcp2_", "conn_", "[libngtcp2")):
        return "#e8b04b"
    if name.startswith(("gnutls", "[libgnutls", "[libnettle", "aesni", "_gnutls")):
        return "#d97b5b"
    if "::" in name:
        return "#6fa8c9"
    return "#a9b7a0"


def draw(stacks, title):
    """The SVG text. Width is the share of samples; a frame stands on the one that called it."""
    root = tree(stacks)
    total = root["count"] or 1
    boxes = []

    def place(node, left, depth):
        for name, child in sorted(node["children"].items()):
            width = child["count"] / total * WIDTH
            if width >= MIN_WIDTH:
                boxes.append((left, depth, width, name, child["count"]))
                place(child, left, depth + 1)
            left += width

    place(root, 0.0, 0)
    depth = max((box[1] for box in boxes), default=0) + 1
    height = (depth + 2) * ROW
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="monospace" font-size="10">',
           f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
           f'<text x="4" y="{ROW - 4}" font-size="12">{html.escape(title)}</text>']  # fmt: skip
    for left, level, width, name, count in boxes:
        y = height - (level + 1) * ROW
        text = name if len(name) * CHARACTER < width - 4 else name[: int((width - 4) / CHARACTER)]
        label = f'<text x="{left + 2:.1f}" y="{y + 11}">{html.escape(text)}</text>' if len(text) > 2 else ""
        out.append(f'<g><title>{html.escape(name)}: {count / total:.1%}</title><rect x="{left:.1f}" y="{y}" width="{width:.1f}" height="{ROW - 1}" '
                   f'fill="{_color(name)}"/>{label}</g>')  # fmt: skip
    return "\n".join([*out, "</svg>", ""])
