"""Reports, and how a test reads one back: by a parser of HTML and a decoder of its own."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import numpy as np

from cases import Array
from elman import Model, Network, Vocabulary

KINDS = {"Uint8": "<u1", "Uint16": "<u2", "Uint32": "<u4"}
HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)><!-- ' \" & -->\n"
    "\0\x1b[31m\u202eevil\u202c\u2066x\u2069\ufeff\u0085\u2028javascript:&lt;b&gt;\ud800é漢😀"
)


def network_on(symbols: int, cell: tuple[str, str] = ("elman", "tanh"), **options: Any) -> Network:
    """A network whose parameters are none of them zero."""
    sizes = {"input_size": symbols, "hidden_size": 7, "output_size": symbols}
    network = Network(cell[0], activation=cell[1], **sizes | options)
    generator = np.random.default_rng(11)
    network.parameters.flat[:] = 0.5 * generator.normal(size=len(network.parameters))
    return network


def model_of(text: str, *, lines: bool = False, kind: Any = "chars", **options: Any) -> Model:
    """A model whose vocabulary has what is in a text, but for half a pair."""
    known = sorted(set(text) - {"\ud800"} | {"\n"})
    if kind == "words":
        known = ["\n", *dict.fromkeys(text.split())]
    vocabulary = Vocabulary(kind, () if kind == "bytes" else ("<unk>", *known))
    return Model(network_on(vocabulary.size, **options), vocabulary, {"lines": lines})


@dataclass
class Page(HTMLParser):
    """A page as a browser reads it: elements, the symbols of the text, what stands in each script."""

    html: str
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    lines: int = 0
    inside: dict[str, str] = field(
        default_factory=dict
    )  # what stands in an element of script, style or title
    words: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._raw: str | None = None
        self._depth = 0  # in the text: 1 in it, 2 in a line, 3 in a symbol, 4 in the name of a character
        self.feed(self.html)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        about = dict(attributes)
        self.tags.append((tag, about))
        if tag in ("script", "style", "title"):
            self._raw = about.get("id") or tag
            self._raw = self._raw if self._raw not in self.inside else "again"  # drawings have titles, too
            self.inside.setdefault(self._raw, "")
        if self._depth or about.get("id") == "text":
            self._depth += 1
        self.lines += self._depth == 2
        if self._depth == 3:
            self.shown.append("")
            self.classes.append(about.get("class") or "")

    def handle_endtag(self, tag: str) -> None:
        self._raw = None
        self._depth -= self._depth > 0

    def handle_data(self, data: str) -> None:
        if self._raw:
            self.inside[self._raw] += data
        elif self._depth > 2:
            self.shown[-1] += data
        else:
            self.words.append(data)

    @property
    def facts(self) -> dict[str, Any]:
        return json.loads(self.inside["facts-data"])

    def unpacked(self, name: str) -> bytes:
        return zlib.decompress(base64.b64decode(self.inside[name], validate=True))

    def steps(self) -> dict[str, Array]:
        """What is told of each step, by name."""
        data = self.unpacked("steps-data")
        return {
            name: np.frombuffer(data, KINDS[one["kind"]], one["length"], one["start"])
            for name, one in self.facts["arrays"].items()
        }

    def units(self) -> dict[str, tuple[Array, Array]]:
        """The values "C T" of each block as the script computes them, and how far levels lie apart, "C"."""
        data, found = self.unpacked("units-data"), {}
        for block in self.facts["blocks"]:
            count, steps = block["count"], block["steps"]
            codes = np.frombuffer(data, np.uint8, count * steps, block["start"]).reshape(count, steps)
            low, high = (np.broadcast_to(block[end], count) for end in ("low", "high"))
            step = (high - low) / (block["levels"] - 1)
            found[block["name"]] = low[:, None] + codes * step[:, None], step
        return found
