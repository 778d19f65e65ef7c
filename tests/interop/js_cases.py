"""Exported modules in Node, and pages in a browser that is driven through a pipe."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elman import Network
from elman.data import Vocabulary
from elman.interop.js import to_js
from elman.interop.js.running import node, run_script

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
LONGEST = 30  # seconds that a browser may take to answer
needs_node = pytest.mark.skipif(node() is None, reason="there is no Node here")
HOSTILE = Vocabulary(
    "words",
    (
        "<unk>",
        "\n",
        "</script><script>document.title='owned'</script>",
        "<img/src=x/onerror=document.title='owned'>",
        "<!--<script>",
        "\"'`${document.title='owned'}",
        "\\u003c/script>\\",
        "a\u200bb",
        "\0\x01",
        "\u202eabc",
        "__proto__",
        "STEPREADS",
        "@SCRIPT@",
        "]]>&lt;&amp;",
        "🙂",
    ),
)
MARKS = ("\n", "\0", " ", '"', "<", "\\", "`", "\u2028", "\u2029", "\ufeff", "\U0001d538")
LINES = Vocabulary("chars", ("<unk>", *MARKS))


def browser() -> str | None:
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


needs_browser = pytest.mark.skipif(browser() is None, reason="there is no Chromium here")


def write(folder: Path, network: Network, vocabulary: Vocabulary | None = None, name: str = "model") -> Path:
    module = folder / f"{name}.mjs"
    module.write_text(to_js(network, vocabulary), "ascii")
    return module


def evaluate(module: Path, script: str, *arguments: Any) -> Any:
    """What a script returns that has the module as `land`, and arguments as `given`."""
    text = f"""
        import {{ readFileSync }} from "node:fs";
        const land = await import({json.dumps(module.as_uri())});
        const given = JSON.parse(readFileSync(0, "utf-8"));
        const refused = (call) => {{
          try {{ call(); }} catch (error) {{ return error.message; }}
          return null;
        }};
        const answer = await (async () => {{ {script} }})();
        process.stdout.write(JSON.stringify(answer ?? null));
    """
    return json.loads(run_script("--input-type=module", "-e", text, given=json.dumps(arguments)))


def language_model(vocabulary: Vocabulary, cell: str = "gru", seed: int = 0) -> Network:
    size = vocabulary.size
    network = Network(cell, input_size=size, hidden_size=12, output_size=size, seed=seed)
    network.parameters.flat[:] = np.random.default_rng(seed).normal(size=len(network.parameters)) * 0.6
    return network


class Page:
    """One tab of a browser: what is asked goes through a pipe, messages end with a zero byte."""

    def __init__(self, to: int, back: int) -> None:
        self._to, self._back, self._number, self._rest = to, back, 0, b""
        self.events: list[dict[str, Any]] = []
        self._session: dict[str, str] = {}
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._session = {"sessionId": session}
        for domain in ("Page", "Runtime", "Network", "Log", "Accessibility"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters, **self._session}
        os.write(self._to, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + LONGEST
        while time.monotonic() < until:
            came = self._read()
            if came.get("id") == self._number:
                assert "error" not in came, came
                return came["result"]
            self.events.append(came)
        raise TimeoutError(method)

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            piece = os.read(self._back, 1 << 16)
            assert piece, "the browser has ended"
            self._rest += piece
        first, _, self._rest = self._rest.partition(b"\0")
        return json.loads(first)

    def open(self, path: Path) -> None:
        self.events.clear()
        self.ask("Page.navigate", url=path.as_uri())
        until = time.monotonic() + LONGEST
        while self.value("document.readyState") != "complete" or self.value("location.protocol") != "file:":
            assert time.monotonic() < until

    def value(self, expression: str) -> Any:
        made = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in made, made
        return made["result"].get("value")

    def wait(self, expression: str) -> None:
        until = time.monotonic() + LONGEST
        while not self.value(expression):
            assert time.monotonic() < until, expression
            time.sleep(0.02)

    def type(self, text: str) -> None:
        self.ask("Input.insertText", text=text)

    def press(self, key: str, code: int, text: str = "", modifiers: int = 0) -> None:
        given = {"key": key, "code": key, "windowsVirtualKeyCode": code, "modifiers": modifiers}
        self.ask("Input.dispatchKeyEvent", type="keyDown", **given, **({"text": text} if text else {}))
        self.ask("Input.dispatchKeyEvent", type="keyUp", **given)

    def faults(self) -> list[str]:
        """What went wrong: exceptions, errors of the console, what the policy kept from running."""
        self.value("0")
        kinds = {"Runtime.exceptionThrown", "Log.entryAdded"}
        return [json.dumps(event) for event in self.events if event.get("method") in kinds]

    def requests(self) -> list[str]:
        sent = [event for event in self.events if event.get("method") == "Network.requestWillBeSent"]
        return [event["params"]["request"]["url"] for event in sent]


@contextmanager
def opened(profile: Path) -> Iterator[Page]:
    """A browser without a window; it is ended when the tests are done."""
    (read, to), (back, write_) = os.pipe(), os.pipe()
    flags = ["no-sandbox", "disable-gpu", "no-first-run", "disable-background-networking"]
    flags += ["disable-dev-shm-usage", "disable-component-update", "remote-debugging-pipe", "headless=new"]
    command = f'exec "$0" "$@" 3<&{read} 4>&{write_}'
    process = subprocess.Popen(
        [
            "bash",
            "-c",
            command,
            browser() or "",
            f"--user-data-dir={profile}",
            *(f"--{one}" for one in flags),
        ],
        pass_fds=(read, write_),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(read)
    os.close(write_)
    try:
        yield Page(to, back)
    finally:
        os.close(to)
        os.close(back)
        process.kill()
        process.wait()
