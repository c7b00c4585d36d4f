"""Chromium without a window, driven over the WebDriver protocol by chromedriver: Debian's chromium and chromium-driver."""

import base64
import json
import os
import re
import shutil
import signal
import urllib.error
import urllib.request

# For one command; only to leave room for a slow machine.
COMMAND_SECONDS = 60.0
START_SECONDS = 60.0
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # The key that the protocol gives an element's id.
_PORT = re.compile(rb"started successfully on port (\d+)")
# How often a page looks whether what is waited for is true.
_LOOK_AGAIN_MS = 50


def missing():
    """The programs that are not on this machine."""
    return [name for name in ("chromium", "chromedriver") if not shutil.which(name)]


class Failure(RuntimeError):
    """What the browser, or a page's script, answered."""


class Browser:
    """One Chromium with one page. Use it in a `with`: nothing else ends the browser."""

    def __init__(self, lab, *flags, name="chromium"):
        self._lab, self._flags, self._name = lab, flags, name
        self._session = self._process = None

    def __enter__(self):
        output = bytearray()
        self._driver = self._lab.spawn(
            f"{self._name}-driver", ["chromedriver", "--port=0"], on_output=lambda chunk, now: output.extend(chunk))
        if not self._driver.wait_for(lambda: _PORT.search(output) or not self._driver.running, START_SECONDS) or not _PORT.search(output):
            self._driver.kill()
            raise Failure(f"chromedriver does not start:\n{output.decode(errors='replace')}{self._driver.log_tail()}")
        self._address = f"http://127.0.0.1:{int(_PORT.search(output)[1])}"
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self):
        arguments = [
            "--headless=new", "--disable-gpu", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--window-size=1280,1000",
            f"--user-data-dir={self._lab.path(f'{self._name}-profile')}", *self._flags]  # fmt: skip
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")  # Chromium refuses it for root.
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": {"binary": shutil.which("chromium"), "args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
            "timeouts": {"script": int(COMMAND_SECONDS * 1000), "pageLoad": int(COMMAND_SECONDS * 1000)},
        }
        answer = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}}, START_SECONDS)
        self._session = f"/session/{answer['sessionId']}"
        self._process = answer["capabilities"].get("goog:processID")
        self.version = answer["capabilities"].get("browserVersion", "?")

    def __exit__(self, *_):
        try:
            if self._session:
                self._ask("DELETE", self._session, seconds=10.0)
        except (OSError, Failure):
            pass
        if self._process:
            try:
                os.kill(self._process, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self._driver.stop()

    def open(self, url):
        self._ask("POST", f"{self._session}/url", {"url": url})

    def before_each_page(self, script):
        """Has `script` run in every page before its own."""
        self._ask("POST", f"{self._session}/goog/cdp/execute",
                  {"cmd": "Page.addScriptToEvaluateOnNewDocument", "params": {"source": script}})  # fmt: skip

    def run(self, script, *arguments):
        """Runs `script`, the body of a function, in the page; returns what it returns."""
        return self._ask("POST", f"{self._session}/execute/sync", {"script": script, "args": list(arguments)})

    def until(self, script, seconds, what):
        """Waits until `script`, as above, returns something true, and returns that. `what` is named if it does not."""
        # Asked for in parts: one command may not take as long as a slow machine needs.
        asking = """
            const [seconds, done] = arguments, end = performance.now() + 1000 * seconds;
            const look = () => {
                let found;
                try { found = (() => { %s })(); } catch (error) { return done({failed: String(error)}); }
                if (found || performance.now() > end) done({found: found ?? null});
                else setTimeout(look, %d);
            };
            look();""" % (script, _LOOK_AGAIN_MS)
        left = seconds
        while left > 0:
            part = min(left, COMMAND_SECONDS / 2)
            answer = self._ask("POST", f"{self._session}/execute/async", {"script": asking, "args": [part]})
            if "failed" in answer:
                raise Failure(f"{what}: {answer['failed']}")
            if answer["found"]:
                return answer["found"]
            left -= part
        raise Failure(f"{what}: not within {seconds:.0f} s")

    def click(self, selector):
        found = self._ask("POST", f"{self._session}/element", {"using": "css selector", "value": selector})
        self._ask("POST", f"{self._session}/element/{found[_ELEMENT]}/click", {})

    def screenshot(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self._ask("GET", f"{self._session}/screenshot")))

    def console(self):
        """What the page wrote to its console since the last call, a line each."""
        entries = self._ask("POST", f"{self._session}/se/log", {"type": "browser"})
        return [f"{entry['level'].lower()}: {entry['message']}" for entry in entries]

    def _ask(self, method, path, body=None, seconds=COMMAND_SECONDS + 10):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._address + path, data, {"Content-Type": "application/json"}, method=method)
        # Not through a proxy, whatever the environment says: it is this machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=seconds) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            told = json.loads(error.read() or b"{}").get("value", {})
            raise Failure(f"{told.get('error', error)}: {str(told.get('message', '')).splitlines()[:1]}") from None
