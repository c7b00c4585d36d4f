"""The engine of ./test: runs suites one after the other, shows how they go, and counts."""

import argparse
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOGS = os.path.join(ROOT, "build", "test-logs")
PROGRESS_SECONDS = 10.0
FAILURE_LINES = 40
OUTPUT_BYTES = 8 << 20  # What ctest keeps of a failed suite.
LABELS = ("unit", "loopback", "soak", "interop")
ARTIFACTS = ("bin/moq", "bin/moq-relay", "bin/moq-conformance", "lib/libmoq.so", "lib/libmoq.a")
SHOWN_ERROR = re.compile(r"\berror\b|^FAILED|undefined reference|^CMake Error|Error:|static assertion", re.IGNORECASE)


class Score:
    """Passed and failed items of one suite."""

    def __init__(self, suite):
        self.suite, self.passed, self.failed, self.skipped, self.seconds = suite, 0, [], 0, 0.0

    def item(self, name, good):
        if good:
            self.passed += 1
        else:
            self.failed.append(name)
        return good


def say(text=""):
    print(text, flush=True)


def follow(command, name, is_progress, environment=None):
    """Runs `command` into a log, shows its newest line of progress now and then; returns (good, log)."""
    path = os.path.join(LOGS, f"{name}.log")
    started = shown = time.monotonic()
    newest = ""
    with open(path, "w", errors="replace") as log:
        log.write(f"$ {' '.join(command)}\n")
        log.flush()
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                   errors="replace", env={**os.environ, **(environment or {})})  # fmt: skip
        for line in process.stdout:
            log.write(line)
            if is_progress(line):
                newest = line.strip()
            now = time.monotonic()
            if newest and now - shown >= PROGRESS_SECONDS:
                shown = now
                say(f"   {now - started:4.0f} s  {newest[:110]}")
        good = process.wait() == 0
    return good, path


def show_errors(path, pattern=SHOWN_ERROR, last=False):
    """Shows the lines that match: the first of them, for a compiler's, or the last."""
    with open(path, errors="replace") as log:
        lines = log.read().splitlines()
    chosen = [line for line in lines if pattern.search(line)] or lines[-FAILURE_LINES:]
    for line in chosen[-FAILURE_LINES:] if last else chosen[:FAILURE_LINES]:
        say(f"     {line[:220]}")
    say(f"     all of it: {os.path.relpath(path, ROOT)}")


def without_address_randomisation():
    """The words before a command under ThreadSanitizer: that of g++ 12 needs the old memory layout."""
    setarch = shutil.which("setarch")
    words = [setarch, platform.machine(), "-R"] if setarch else []
    if words and subprocess.run([*words, "true"], capture_output=True).returncode == 0:
        return words
    return []


def build(score, preset):
    """Configures and builds a preset; each of the two is an item."""
    prefix = without_address_randomisation() if preset == "tsan" else []
    say(f"-- build {preset}")
    good, log = follow([*prefix, "cmake", "--preset", preset], f"configure-{preset}", lambda line: False)
    if not score.item(f"configure {preset}", good):
        show_errors(log)
        return False
    good, log = follow(
        [*prefix, "cmake", "--build", "--preset", preset, "--", "-k", "0"], f"build-{preset}", lambda line: line.startswith("["))
    if not score.item(f"build {preset}", good):
        show_errors(log)
    return good


def suites_of(preset, prefix):
    """The entries of ctest that are a gtest suite each (moq_suites() of cmake/module.cmake): command and report, by name."""
    answer = subprocess.run([*prefix, "ctest", "--test-dir", os.path.join("build", preset), "--show-only=json-v1"],
                            cwd=ROOT, capture_output=True, text=True)  # fmt: skip
    suites = {}
    for test in json.loads(answer.stdout)["tests"]:
        command = test.get("command", [])
        for word in command:
            if word.startswith("--gtest_output=xml:"):
                suites[test["name"]] = (command, word.partition(":")[2])
    return suites


def tests_of(command):
    """The tests that a gtest program would run; none if it does not even say."""
    try:
        listed = subprocess.run([*command, "--gtest_list_tests"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return []
    suite, names = "", []
    for line in listed.stdout.splitlines() if listed.returncode == 0 else []:
        name = line.split("#")[0].rstrip()
        if name.startswith("  "):
            names.append(suite + name.strip())
        elif name.endswith("."):
            suite = name
    return names


def show(title, text):
    say(f"   FAILED {title}")
    for line in text.splitlines()[-FAILURE_LINES:]:
        say(f"     {line[:220]}")


def output_of(test, output):
    """What a gtest program printed while `test` ran; all if that is not to be told."""
    begin, end = rf"^\[ RUN      \] {re.escape(test)}\n", r"^\[ RUN      \] |^\[-----|\Z"
    found = re.search(f"{begin}(.*?)(?={end})", output, re.MULTILINE | re.DOTALL)
    return found[1] if found else output


def count_suite(score, case, command, report):
    """Counts the tests of one gtest suite: by its report, or, if it died before it wrote one, by what it printed."""
    name, output = case.get("name"), case.findtext("system-out") or ""
    try:
        results = list(xml.etree.ElementTree.parse(report).getroot().iter("testcase"))
    except (OSError, xml.etree.ElementTree.ParseError):
        count_broken_suite(score, case, command)
        return
    failed = 0
    for result in results:
        title = f"{result.get('classname')}.{result.get('name')}"
        bad = result.find("failure") is not None
        if not bad and result.get("result") in ("skipped", "suppressed"):
            score.skipped += 1
        elif not score.item(title, not bad and result.get("result") == "completed"):
            failed += 1
            show(title, output_of(title, output))
    if not results:
        score.item(f"{name}: no tests", False)
    elif case.get("status") != "run" and not failed:
        # Such as a leak, which is told of when the process ends.
        score.item(f"{name}: all tests passed, the process failed", False)
        show(name, output)


def count_broken_suite(score, case, command):
    """Each test counts: as passed only if it was seen to pass, the one that ran last and those after it as failed."""
    name, output = case.get("name"), case.findtext("system-out") or ""
    told = re.findall(r"^\[ +(RUN|OK|FAILED|SKIPPED) +\] (\S+?)(?:,.*| \(\d+ ms\))?$", output, re.MULTILINE)
    results = {test: word for word, test in told}
    tests = tests_of(command)
    if not tests:
        score.item(f"{name}: does not run", False)
        show(name, output or "not run, see the build")
    for test in tests:
        result = results.get(test)
        if result == "SKIPPED":
            score.skipped += 1
        elif result == "RUN":
            score.item(f"{test}: crashed, or was killed as it hung; {name} ended after {float(case.get('time')):.0f} s", False)
            show(test, output_of(test, output))
        elif result is None:
            score.item(f"{test}: not run, {name} ended before", False)
        elif not score.item(test, result == "OK"):
            show(test, output_of(test, output))
    if tests and all(results.get(test) in ("OK", "SKIPPED") for test in tests):
        score.item(f"{name}: ended without a report", False)
        show(name, output)


def ctest(score, preset, name, selection, jobs):
    """Runs the tests that `selection` picks, and counts each."""
    junit = os.path.join(LOGS, f"{name}.xml")
    if os.path.exists(junit):
        os.remove(junit)
    # What an earlier run left must not count.
    shutil.rmtree(os.path.join(ROOT, "build", preset, "test-reports"), ignore_errors=True)
    prefix = without_address_randomisation() if preset == "tsan" else []
    say(f"-- test {name}")
    follow(
        [*prefix, "ctest", "--test-dir", os.path.join("build", preset), *selection, "-j", str(jobs), "--output-on-failure",
         "--no-tests=ignore", "--test-output-size-failed", str(OUTPUT_BYTES), "--output-junit", junit],
        f"ctest-{name}", lambda line: re.match(r"\s*\d+/\d+ Test", line) is not None,
        {"TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1", "UBSAN_OPTIONS": "print_stacktrace=1"})  # fmt: skip
    if not os.path.exists(junit):
        # ctest writes none if it found nothing to run; for the unit tests that is a failure of its own.
        if name in ("unit", "tsan"):
            score.item(f"{name}: no tests", False)
            say("     no tests found")
        return
    suites = suites_of(preset, prefix)
    for case in xml.etree.ElementTree.parse(junit).getroot().iter("testcase"):
        title, status, skip = case.get("name"), case.get("status"), case.find("skipped")
        if title in suites:
            command, report = suites[title]
            count_suite(score, case, [*prefix, *command], report)
        # A program that could not be built is "skipped" to ctest as well, with another message.
        elif status == "disabled" or (skip is not None and skip.get("message", "").startswith("SKIP_")):
            score.skipped += 1
        elif not score.item(title, status == "run"):
            show(title, case.findtext("system-out") or "not run, see the build")


def counted(score, command, name):
    """Runs a program that ends with `N passed, N failed`, and `, N skipped` if it can, and prints a line for each item."""
    say(f"-- {name}")
    good, log = follow(command, name, lambda line: re.match(r"(ok|FAILED)\b", line) is not None)
    with open(log, errors="replace") as lines:
        text = lines.read()
    last = re.findall(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?", text, re.MULTILINE)
    if not last:
        score.item(f"{name}: no result", False)
        show_errors(log)
        return
    score.passed += int(last[-1][0])
    score.skipped += int(last[-1][2] or 0)
    for line in re.findall(r"^skipped: .*$", text, re.MULTILINE):
        say(f"   {line}")
    failed = re.findall(r"^FAILED +(.*)$", text, re.MULTILINE)
    score.failed += (failed + [f"{name}: one more"] * int(last[-1][1]))[: int(last[-1][1])]
    if not good:
        if int(last[-1][1]) == 0:
            score.item(f"{name}: exit code", False)
        show_errors(log, re.compile(r"^FAILED|^    "))


def counted_tap(score, command, name):
    """Runs a program that reports in TAP; its cases are the items."""
    say(f"-- {name}")
    good, log = follow(command, name, lambda line: re.match(r"(not )?ok \d", line) is not None)
    with open(log, errors="replace") as lines:
        text = lines.read()
    results = re.findall(r"^(ok|not ok) \d+ - (.*?)( # SKIP .*)?$", text, re.MULTILINE)
    for result, title, skip in results:
        if skip:
            score.skipped += 1
        else:
            score.item(title, result == "ok")
    if not re.search(r"^1\.\.\d+$", text, re.MULTILINE) or not results:
        score.item(f"{name}: no result", False)
    if not good:
        show_errors(log, re.compile(r"^not ok|^  message|^Bail out"))


def run_lint(score):
    checks = (("format", ["scripts/check-format"]), ("layers", ["scripts/check-layers"]),
              ("headers", ["scripts/check-headers"]), ("scripts", ["scripts/check-scripts"]))  # fmt: skip
    for name, command in checks:
        say(f"-- check {name}")
        good, log = follow(command, f"check-{name}", lambda line: False)
        if not score.item(name, good):
            show_errors(log, re.compile(r"."))


def run_tidy(score):
    say("-- check tidy")
    good, log = follow(["scripts/check-tidy"], "check-tidy", lambda line: False)
    if not score.item("tidy", good):
        show_errors(log)


class Dev:
    """The dev preset is built once for all suites that use it."""

    built = False

    @classmethod
    def suite(cls, name, selection, jobs):
        def run(score):
            if not cls.built:
                cls.built = True
                build(score, "dev")
            ctest(score, "dev", name, selection, jobs)

        return run


class Release:
    built = False

    @classmethod
    def ensure(cls, score):
        if cls.built:
            return
        cls.built = True
        build(score, "release")
        for artifact in ARTIFACTS:
            if not score.item(f"release: {artifact}", os.path.exists(os.path.join(ROOT, "build/release", artifact))):
                say(f"   FAILED build/release/{artifact} is not there")


def run_tsan(score):
    build(score, "tsan")
    ctest(score, "tsan", "tsan", [], os.cpu_count())


def run_install(score):
    Release.ensure(score)
    counted(score, ["scripts/check-install"], "install")


def run_abi(score):
    Release.ensure(score)
    counted(score, ["scripts/check-abi"], "abi")


def run_deb(score):
    Release.ensure(score)
    counted(score, ["scripts/check-deb"], "deb")


def run_python(score):
    Release.ensure(score)
    counted(score, ["interop/python/run"], "python")


def run_browser(score):
    Release.ensure(score)
    counted(score, ["interop/browser/run"], "browser")


def run_conformance(score):
    Release.ensure(score)
    counted_tap(score, ["interop/conformance/run"], "conformance")


def demo(name, *flags):
    """A suite that plays scripts/demo.py."""

    def run(score):
        Release.ensure(score)
        say(f"-- {name}")
        command = [sys.executable, "scripts/demo.py", *flags]
        good, log = follow(command, name, lambda line: re.match(r" +\d+\.\d\d s", line) is not None)
        if not score.item(name, good):
            show_errors(log, re.compile(r"FAILED|does not grow|disconnected|gave up|accepts again|lost"), last=True)

    return run


ANY_LABEL = "|".join(LABELS)
CORES = os.cpu_count() or 1
SUITES = {
    "lint": (run_lint, "format, layers, headers, scripts"),
    "tidy": (run_tidy, "clang-tidy of what changed; only where it is named"),
    "unit": (Dev.suite("unit", ["-L", "^unit$"], CORES), "dev preset (ASan, UBSan): no real clock, socket or file"),
    "loopback": (Dev.suite("loopback", ["-L", "^loopback$"], CORES), "dev preset: real sockets"),
    "soak": (Dev.suite("soak", ["-L", "^soak$"], CORES), "dev preset: many seeds"),
    "interop": (Dev.suite("interop", ["-L", "^interop$"], 1), "dev preset: against programs of others"),
    "other": (Dev.suite("other", ["-LE", f"^({ANY_LABEL})$"], CORES), "dev preset: tests without one of these labels, the examples"),
    "tsan": (run_tsan, "tsan preset: what crosses threads"),
    "release": (Release.ensure, "release preset: the programs and libmoq"),
    "abi": (run_abi, "moq.h and libmoq.so against what programs for libmoq 0.5 were compiled with"),
    "install": (run_install, "projects outside of the tree, in C and C++, against the installed release"),
    "deb": (run_deb, "the packages for Debian: what they hold, and whether it runs"),
    "python": (run_python, "release programs against the Rust client and server of PyPI"),
    "browser": (run_browser, "release programs against the npm packages in a real Chromium: it plays, it publishes"),
    "conformance": (run_conformance, "our relay, import and export by moq-conformance: scripted peers that write and check bytes themselves"),
    "demo": (demo("demo"), "./demo, a relay killed under a live broadcast"),
    "restarts": (demo("restarts", "--scheme", "moqt", "--restarts", "20"), "the same with 20 kills in a row, over raw QUIC"),
}
QUICK = ("lint", "unit")
NAMED_ONLY = ("tidy",)


def parse_arguments():
    parser = argparse.ArgumentParser(prog="test", formatter_class=argparse.RawDescriptionHelpFormatter,
                                     description="Sets up, builds and tests. Without a suite, all but tidy.",
                                     epilog="suites:\n" + "\n".join(f"  {name:<11} {what}" for name, (_, what) in SUITES.items()))  # fmt: skip
    parser.add_argument("--quick", action="store_true", help=f"only {' and '.join(QUICK)}")
    parser.add_argument("suite", nargs="*", metavar="SUITE", help="run only these")
    options = parser.parse_args()
    for name in options.suite:
        if name not in SUITES:
            parser.error(f"unknown suite '{name}'; there are {', '.join(SUITES)}")
    return options.suite or (QUICK if options.quick else [name for name in SUITES if name not in NAMED_ONLY])


def main():
    chosen = parse_arguments()
    os.makedirs(LOGS, exist_ok=True)
    started = time.monotonic()
    scores = []
    for name in chosen:
        score = Score(name)
        scores.append(score)
        begun = time.monotonic()
        say(f"== {name}: {SUITES[name][1]}")
        try:
            SUITES[name][0](score)
        except Exception as error:  # A suite that breaks is a failure, never the end of the count.
            score.item(f"{name}: {type(error).__name__}: {error}", False)
        score.seconds = time.monotonic() - begun

    say(f"\n{'suite':<10}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    for score in scores:
        say(f"{score.suite:<10}{score.passed:>8}{len(score.failed):>8}{score.skipped:>9}{score.seconds:>9.0f}")
    for score in scores:
        for name in score.failed:
            say(f"FAILED {score.suite}: {name}")
    minutes, seconds = divmod(round(time.monotonic() - started), 60)
    # On a machine that is busy with other things, the second number is the one to compare.
    processor = sum(os.times()[:4]) / 60
    say(f"\nin {minutes} min {seconds} s, {processor:.1f} processor minutes; logs: build/test-logs")
    passed, failed = sum(score.passed for score in scores), sum(len(score.failed) for score in scores)
    say(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def stop(*_):
    say("\ntest: stopped")
    say("0 passed, 1 failed")
    os._exit(130)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    sys.exit(main())
