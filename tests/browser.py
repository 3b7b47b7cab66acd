"""Opens pages in a real browser: headless Chromium, controlled through two pipes."""

import fcntl
import json
import os
import shutil
import signal

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
PROGRAM = next(filter(None, map(shutil.which, NAMES)), "")
WITHOUT = "no Chromium here: apt-get install chromium"
needed = pytest.mark.skipif(not PROGRAM, reason=WITHOUT)
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run")


class Browser:
    """Controls one tab, and keeps every request and every message on its console."""

    def __init__(self, folder, width=1280, height=900):
        read_in, self.into = os.pipe()
        self.out, write_out = os.pipe()
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (read_in, write_out)]
        words = [f"--user-data-dir={folder}", f"--window-size={width},{height}", "about:blank"]
        nowhere = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
        pipes = [(os.POSIX_SPAWN_DUP2, end, fd) for end, fd in zip(ends, (3, 4), strict=True)]
        self.process = os.posix_spawn(
            PROGRAM, [PROGRAM, *FLAGS, *words], os.environ, file_actions=[*nowhere, *pipes]
        )
        for end in (*ends, read_in, write_out):
            os.close(end)
        self.rest, self.number, self.session = b"", 0, None
        self.requests, self.console = [], []
        (page,) = [t for t in self.ask("Target.getTargets")["targetInfos"] if t["type"] == "page"]
        attached = self.ask("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime", "Accessibility"):
            self.ask(f"{domain}.enable")

    def ask(self, method, **params):
        """Sends a command and returns its result, and keeps the events until then."""
        self.number += 1
        command = {"id": self.number, "method": method, "params": params}
        command |= {"sessionId": self.session} if self.session else {}
        os.write(self.into, json.dumps(command).encode() + b"\0")
        while True:
            message = self._next()
            if message.get("id") == self.number:
                assert "error" not in message, message
                return message["result"]
            self._keep(message)

    def open(self, path):
        """Opens a file and waits until it is loaded."""
        self.requests.clear()
        self.console.clear()
        self.ask("Page.navigate", url=path.as_uri())
        while self._keep(self._next()) != "Page.loadEventFired":
            pass
        self.run("1")  # reads all events until then

    def run(self, script):
        """Returns the value of an expression in the page; a promise is awaited."""
        found = self.ask("Runtime.evaluate", expression=script, returnByValue=True,
                         awaitPromise=True)  # fmt: skip
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def close(self):
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        os.close(self.into)
        os.close(self.out)

    def _next(self):
        while b"\0" not in self.rest:
            part = os.read(self.out, 1 << 20)
            assert part, "the browser has ended"
            self.rest += part
        first, _, self.rest = self.rest.partition(b"\0")
        return json.loads(first)

    def _keep(self, message):
        method, params = message.get("method"), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        if method in ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
            self.console.append(params)
        return method
