"""Which unit knows that a quotation is open?  python quotation_marks.py [picture.png]

The bundled plays are written as a novel would have them, speeches between quotation marks. Nobody tells the
network what a mark means; to predict the next character, it has to remember that one was opened.
"""

import re
import sys

import numpy as np

import elman
from elman import inspection
from elman.data import Streams, corpus_from_text
from elman.data.shakespeare import text
from elman.inspection import plots


def novel(play: str) -> str:
    """Return short speeches of a play as `Name said, "words" `, one after the other."""
    speeches = re.findall(r"^([A-Z][A-Za-z ]+):\n((?:.+\n)+)", play, re.MULTILINE)
    short = ((name.title(), " ".join(words.split())) for name, words in speeches if len(words) < 120)
    return " ".join(f'{name} said, "{words}"' for name, words in short)


story = corpus_from_text(novel(text()))
symbols, size = story.symbols.astype(np.intp), story.vocabulary.size
learned, fresh = symbols[:-12_000], symbols[-12_000:]
opened = (np.cumsum(symbols == story.vocabulary.encode('"')[0]) % 2)[-12_000:]  # after each character
network = elman.Network("gru", input_size=size, hidden_size=64, output_size=size, seed=1)
*_, last = elman.train(network, Streams(learned, batch_size=32, seq_length=64), steps=400)
print(f"learned    {last.seconds:.0f} s, from {len(learned):,} characters")

letters = story.vocabulary.decode(fresh)
paid = inspection.surprisal(network, fresh[:-1], fresh[1:])
print(f"surprisal  {paid.bits.mean():.3f} bits a character on {len(paid):,} new ones")

seen = inspection.trace(network, fresh)
found = inspection.correlations(seen, opened)["layers.0.h"][:, 0]
unit = int(np.abs(found).argmax())
print(f"unit       {unit} follows the quotation marks: correlation {found[unit]:+.3f}")
reader = inspection.probe(seen.states["layers.0.h"], opened)
print(f"probe      all units tell it at {reader.score:.1%} of characters; always yes: {reader.baseline:.1%}")

ranked = np.argsort(-np.abs(found))[:8]
ax = plots.plot_states(seen, letters, units=ranked, steps=slice(1000, 1110))
ax.set_title("the eight units that follow quotation marks best, the best on top")
ax.figure.savefig(sys.argv[1] if len(sys.argv) > 1 else "quotation_marks.png")
