"""Writes docs/performance.md, between its two marks, and the plots beside it, from what bench/compare measured."""

import os
import re
import statistics

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGE = os.path.join(ROOT, "docs", "performance.md")
PLOTS = os.path.join(ROOT, "docs", "performance")
BEGIN, END = "<!-- bench/compare writes from here -->", "<!-- to here -->"
FLOOR_GOAL = 1.6
SIZE_GOAL = 0.2
SERVED_GOAL = 2.0
WORKERS_GOAL = 1.8
OURS, RUST = "ours", "rust"
PERCENTILES = ("p50", "p90", "p99", "p99.9", "max")


def number(value):
    """With three digits that count; '-' for none."""
    if value is None:
        return "-"
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def ratio_text(value):
    return f"{value:.2f}" if value >= 0.01 else f"{value:.1g}"


def counted(rounds):
    return [one for one in rounds if not one["unequal"]]


class Line:
    """A row of the table: the medians of both sides, and the ratio of each round."""

    def __init__(self, row, rounds):
        self.row, self.total = row, len(rounds)
        self.note = ""
        used = counted(rounds)
        self.counted = len(used)
        if not used:
            # Shown all the same, marked: the closing words say what kept the rounds from being equal.
            used, self.note = rounds, " †"
        pairs = [(row.figure(one[OURS]), row.figure(one[RUST])) for one in used]
        pairs = [(ours, rust) for ours, rust in pairs if ours and rust]
        self.ours = statistics.median(ours for ours, _ in pairs) if pairs else None
        self.rust = statistics.median(rust for _, rust in pairs) if pairs else None
        self.ratios = sorted(ours / rust for ours, rust in pairs)
        self.ratio = statistics.median(self.ratios) if self.ratios else None

    @property
    def reached(self):
        return self.ratio is not None and not self.note and self.ratio <= self.row.goal

    def text(self):
        spread = f"{ratio_text(self.ratios[0])}-{ratio_text(self.ratios[-1])}" if self.ratios else "-"
        ratio = f"**{ratio_text(self.ratio)}**{self.note}" if self.ratio is not None else "-"
        verdict = "yes" if self.reached else "not comparable" if self.note else "no"
        return (f"| {self.row.title} | {self.row.unit} | {number(self.ours)} | {number(self.rust)} | {ratio} | {spread} | "
                f"<= {self.row.goal} | {verdict} | {self.counted} of {self.total} |")  # fmt: skip


def lines_of(data, scenarios):
    return [(scenario, Line(row, data["rounds"][scenario.name]))
            for scenario in scenarios if scenario.name in data["rounds"] for row in scenario.rows]  # fmt: skip


def write(data, scenarios):
    lines = lines_of(data, scenarios)
    out = [*describe(data), "", *table(data, lines), "", *floor_text(data), *served_text(data), *unequal_text(data, scenarios),
           *delivered_text(data, scenarios), *draw(data, lines, scenarios)]  # fmt: skip
    with open(PAGE) as page:
        text = page.read()
    pattern = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    if not pattern.search(text):
        raise RuntimeError(f"{PAGE} lacks the marks between which to write")
    body = "\n".join([BEGIN, "", *out, "", END])
    with open(PAGE, "w") as page:
        page.write(pattern.sub(lambda _: body, text))


def describe(data):
    machine = data["machine"]
    rounds = max((len(rounds) for rounds in data["rounds"].values()), default=0)
    load = ", ".join(f"{value:.1f}" for value in (min(machine["load"]), statistics.median(machine["load"]), max(machine["load"]))) \
        if machine.get("load") else "-"  # fmt: skip
    return [
        f"Measured {machine['date']} on {machine['cpu']}, {machine['cores']} cores, {machine['system']}, Linux {machine['kernel']}, loopback; "
        f"{machine['ours']} at commit {machine['commit']} against {machine['rust']} (`interop/rust/install`), both release builds, raw QUIC, "
        f"moq-lite-06, one certificate. {rounds} rounds, interleaved; the machine's load (minimum, median, maximum) was {load}.",
        "Command: " + ", then ".join(f"`{command}`" for command in machine["commands"]) + ".",
    ]  # fmt: skip


def table(data, lines):
    out = ["| scenario | figure | ours | Rust | ratio | of the rounds | goal | reached | rounds that count |", "|---|---|---|---|---|---|---|---|---|"]
    out += [line.text() for _, line in lines]
    served = data["served"]
    if served:
        ours, rust = (statistics.median(one[flavor]["served"] for one in served) for flavor in (OURS, RUST))
        ratio = ours / rust if rust else None
        out.append(f"| fan-out 1:N, as far as both serve it | subscribers before p99 passes 100 ms | {number(ours)} | {number(rust)} | "
                   f"**{number(ratio)}** | {', '.join(str(one[OURS]['served']) + ':' + str(one[RUST]['served']) for one in served)} | "
                   f">= {SERVED_GOAL} | {'yes' if ratio and ratio >= SERVED_GOAL else 'no'} | {len(served)} of {len(served)} |")  # fmt: skip
    out.append(workers_line(data["workers"]))
    out.append(size_line(data["size"]))
    return out


def workers_line(workers):
    title = "| two workers instead of one | subscribers before p99 passes 100 ms"
    if not workers:
        return f"{title} | not measured | - | - | - | >= {WORKERS_GOAL} | no | - |"
    one, two = (statistics.median(round_of[count] for round_of in workers) for count in ("1", "2"))
    ratio = two / one if one else 0
    rounds = ", ".join(f"{round_of['2']}:{round_of['1']}" for round_of in workers)
    share = workers[-1]["share"]
    held = f", each thread of the relay held to {share} of a core, since the load generator needs the rest" if share < 1 else ""
    return (f"{title}{held} | {number(two)} : {number(one)} | - | **{ratio:.2f}** | {rounds} | >= {WORKERS_GOAL} | "
            f"{'yes' if ratio >= WORKERS_GOAL else 'no'} | {len(workers)} of {len(workers)} |")  # fmt: skip


def size_line(size):
    title = "| library: a stripped player, linked statically | bytes"
    if not size or not size.get("rust"):
        ours = number(size["ours"]) if size else "-"
        return f"{title} | {ours} | not measured | - | - | <= {SIZE_GOAL} | - | - |"
    ratio = size["ours"] / size["rust"]
    return f"{title} | {number(size['ours'])} | {number(size['rust'])} | **{ratio:.2f}** | - | <= {SIZE_GOAL} | {'yes' if ratio <= SIZE_GOAL else 'no'} | - |"


def floor_text(data):
    if not data["floor"]:
        return []
    floors = {part: statistics.median(one[part] for one in data["floor"]) for part in ("both", "aead", "send")}
    text = (f"The floor (`moq-bench-floor`: AES-128-GCM of GnuTLS and batched sends of the same bytes, nothing else): "
            f"{floors['both']:.3f} CPU s per Gbit; AEAD alone {floors['aead']:.3f}, sends alone {floors['send']:.3f}.")  # fmt: skip
    rounds = counted(data["rounds"].get("fanout", [])) or data["rounds"].get("fanout", [])
    if rounds:
        ours, rust = (statistics.median(one[flavor]["process"]["cpu_s_per_gbit"] for one in rounds) for flavor in (OURS, RUST))
        multiple = ours / floors["both"]
        text += (f" The fan-out costs **{multiple:.2f}** times that (goal: at most {FLOOR_GOAL}; {'reached' if multiple <= FLOOR_GOAL else 'not reached'}); "
                 f"the Rust relay {rust / floors['both']:.2f} times.")  # fmt: skip
    return [text, ""]


def served_text(data):
    if not data["served"]:
        return []
    out = ["| 1:N | " + " | ".join(f"{flavor}: p99, ms (own lateness)" for flavor in ("ours", "Rust")) + " |", "|---|---|---|"]
    steps = {}
    for one in data["served"]:
        for flavor in (OURS, RUST):
            for step in one[flavor]["tried"]:
                steps.setdefault(step["subscribers"], {}).setdefault(flavor, []).append(step)
    for subscribers in sorted(steps):
        cells = []
        for flavor in (OURS, RUST):
            cells.append(", ".join(f"{number(step['p99_ms'])} ({number(step['lateness_p99_ms'])})" + (f" {step['problem']}" if step["problem"] else "")
                                   for step in steps[subscribers].get(flavor, [])) or "not tried")  # fmt: skip
        out.append(f"| {subscribers} | " + " | ".join(cells) + " |")
    return [*out, ""]


def unequal_text(data, scenarios):
    out = []
    for scenario in scenarios:
        for number_of, one in enumerate(data["rounds"].get(scenario.name, []), 1):
            if one["unequal"]:
                out.append(f"- {scenario.name}, round {number_of}: {one['unequal']}.")
    return ["Rounds that do not count, since the relays did not deliver the same (†: no round counted):", "", *out, ""] if out else []


def delivered_text(data, scenarios):
    out = ["| scenario | `moq-bench` flags | delivered, Gbit: ours | Rust | frames: ours | Rust | owed | context switches: ours | Rust | RSS, MB: ours | Rust |",
           "|---|---|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for scenario in scenarios:
        rounds = data["rounds"].get(scenario.name)
        if not rounds:
            continue
        used = counted(rounds) or rounds

        def median(flavor, pick, used=used):
            return number(statistics.median(pick(one[flavor]) for one in used))

        cells = [f"`{' '.join(scenario.flags)}`"]
        for pick in (lambda r: r["gbit"], lambda r: r["frames"]):
            cells += [median(flavor, pick) for flavor in (OURS, RUST)]
        cells.append(median(OURS, lambda r: r["expected_frames"]))
        for pick in (lambda r: r["process"]["context_switches"], lambda r: r["process"]["peak_rss_bytes"] / 1e6):
            cells += [median(flavor, pick) for flavor in (OURS, RUST)]
        out.append(f"| {scenario.name} | " + " | ".join(cells) + " |")
    return [*out, ""]


def draw(data, lines, scenarios):
    """The plots, as SVG; returns the lines that show them."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "moq"  # The same figures make the same file.
    matplotlib.rcParams["svg.fonttype"] = "none"
    from matplotlib import pyplot

    os.makedirs(PLOTS, exist_ok=True)
    shown = []

    def save(figure, name, what):
        figure.tight_layout()
        path = os.path.join(PLOTS, f"{name}.svg")
        figure.savefig(path, metadata={"Date": None, "Creator": None})
        pyplot.close(figure)
        with open(path) as written:
            text = written.read()
        with open(path, "w") as stripped:
            stripped.write("\n".join(line.rstrip() for line in text.splitlines()) + "\n")
        shown.append(f"![{what}](performance/{name}.svg)")

    drawn = [line for _, line in lines if line.ratio is not None]
    if drawn:
        figure, axes = pyplot.subplots(figsize=(9, 0.55 * len(drawn) + 1.2))
        places = range(len(drawn))
        colors = ["#2a7f4f" if line.reached else "#b3541e" for line in drawn]
        axes.barh(places, [line.ratio for line in drawn], color=colors, height=0.6)
        for place, line in zip(places, drawn):
            axes.plot([line.row.goal] * 2, [place - 0.4, place + 0.4], color="black", linewidth=2)
            axes.plot([line.ratios[0], line.ratios[-1]], [place, place], color="#555555", linewidth=1)
        axes.axvline(1, color="#888888", linestyle="--", linewidth=1)
        axes.set_yticks(list(places), [f"{line.row.title}: {line.row.unit}" for line in drawn], fontsize=7)
        axes.set_xlim(0, max(1.1, *(min(line.ratios[-1], 2) for line in drawn)))
        axes.invert_yaxis()
        axes.set_xlabel("ours : Rust (less is better); black: goal, dashed: equal, thin: spread of the rounds")
        save(figure, "ratios", "Ratios of ours to Rust, and the goals")

    traffic = [scenario for scenario in scenarios if any(one[OURS]["gbit"] for one in data["rounds"].get(scenario.name, []))]
    latency = [scenario for scenario in traffic if scenario.name in ("fanout", "fanout-half", "chat", "hd")]
    if latency:
        figure, grid = pyplot.subplots(1, len(latency), figsize=(3.4 * len(latency), 3), squeeze=False)
        for axes, scenario in zip(grid[0], latency):
            rounds = counted(data["rounds"][scenario.name]) or data["rounds"][scenario.name]
            for flavor, color in ((OURS, "#2a7f4f"), (RUST, "#b3541e")):
                for index, one in enumerate(rounds):
                    values = [max(one[flavor]["latency_ms"][name], 0.01) for name in PERCENTILES]
                    axes.plot(PERCENTILES, values, color=color, marker=".", label=flavor if index == 0 else None)
            axes.set_yscale("log")
            axes.set_title(scenario.name)
            axes.set_ylabel("ms")
            axes.legend()
        save(figure, "latency", "Latency from publish to delivery, each round")

    if data["floor"] and data["rounds"].get("fanout"):
        figure, axes = pyplot.subplots(figsize=(6, 2.2))
        rounds = counted(data["rounds"]["fanout"]) or data["rounds"]["fanout"]
        bars = [("AEAD alone", [one["aead"] for one in data["floor"]]), ("sends alone", [one["send"] for one in data["floor"]]),
                ("floor: both", [one["both"] for one in data["floor"]]),
                ("ours", [one[OURS]["process"]["cpu_s_per_gbit"] for one in rounds]),
                ("Rust", [one[RUST]["process"]["cpu_s_per_gbit"] for one in rounds])]  # fmt: skip
        axes.barh([name for name, _ in bars], [statistics.median(values) for _, values in bars], color="#3b6ea5")
        for place, (_, values) in enumerate(bars):
            axes.plot(values, [place] * len(values), "k.", markersize=4)
        axes.invert_yaxis()
        axes.set_xlabel("CPU s per Gbit, fan-out 1:200; dots: each round")
        save(figure, "floor", "The fan-out above the floor of the machine")
    return ["", *"\n\n".join(shown).split("\n")] if shown else []
