"""`page`: a page of HTML that holds the module, for a person to type and watch what the network expects."""

from __future__ import annotations

import html
import re
from base64 import b64encode
from hashlib import sha256

from elman.data import Vocabulary
from elman.errors import OptionError
from elman.network import Network

from .writing import predicts, read_part, script, to_js

BEGIN = "<!doctype html>\n<!-- exported by elman"  # what tells our pages from others
CELLS = {"elman": "An Elman network", "gru": "A GRU", "lstm": "An LSTM"}
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


def page(network: Network, vocabulary: Vocabulary | None, title: str, *, lines: bool = False) -> str:
    """Return one page of HTML, ASCII, that runs the network of a vocabulary and asks nothing of any server.

    Its security policy names the hash of its one script, so that nothing else can run in it; what is typed
    and what symbols spell is only ever shown as text. Control characters of the title become U+FFFD.
    `lines`: each line begins afresh, as for a network that was trained on lines.
    Raises: as `to_js`; OptionError when the network does not predict the next symbol of the vocabulary, or
            with `lines` when that has no line end.

    >>> vocabulary = Vocabulary("chars", ("<unk>", "a", "b"))
    >>> text = page(Network(input_size=3, hidden_size=4, output_size=3), vocabulary, "a < b")
    >>> "<title>a &lt; b</title>" in text
    True
    """
    if vocabulary is None or not predicts(network, vocabulary) or lacking(network):
        why = lacking(network) or "it does not predict the next symbol of a vocabulary"
        raise OptionError(f"a page shows what comes next, which this network does not tell: {why}")
    spec, style = network.spec, read_part("page.css")
    if lines and vocabulary.line_end is None:
        raise OptionError("the vocabulary has no line end, so no line begins; leave out lines")
    begins = f"\nconst LINES = {script(lines)}; // does each line begin afresh?\n"
    code = "\n" + to_js(network, vocabulary) + begins + read_part("page.js")
    layers = (
        f"{len(spec.widths)} layer{'s' * (len(spec.widths) > 1)} of {' and '.join(map(str, spec.widths))}"
    )
    about = f"{CELLS[spec.cell]}, {layers} units, {vocabulary.size:,} symbols ({vocabulary.kind})."
    words = {
        "TITLE": html.escape(_UNSEEN.sub("\ufffd", title)),
        "ABOUT": html.escape(f"{about} It runs in this page; nothing is sent anywhere."),
        "SCRIPTHASH": _hash(code),
        "STYLEHASH": _hash(style),
        "STYLE": style,
        "SCRIPT": code,
    }
    whole = re.sub(r"@([A-Z]+)@", lambda found: words[found[1]], read_part("page.html"))
    return whole.encode("ascii", "xmlcharrefreplace").decode()


def lacking(network: Network) -> str | None:
    """Say what keeps a network from telling at each step what comes next, or None."""
    if network.spec.feature_size:
        return "it reads features beside the symbols"
    return None if network.spec.readout == "every" else "it reads a sequence for one answer"


def _hash(text: str) -> str:
    """Return how a policy names a script or a style: the bytes of the page, which are ASCII."""
    return f"sha256-{b64encode(sha256(text.encode('ascii')).digest()).decode()}"
