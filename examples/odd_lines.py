"""Which lines of a log are odd?  python odd_lines.py [picture.png]

A network learns a log, character by character; nobody says what is normal. Later lines are scored by the bits
that they cost. Some of them were spoiled, by one letter or one word: does the score find those?
"""

import sys

import numpy as np

import elman
from elman import inspection
from elman.data import Lines, corpus_from_text
from elman.inspection import plots

PAGES = ["index", "about", "cart", "search", "login", "product/{n}", "product/{n}/photo", "user/{n}/orders"]


def line(random: np.random.Generator, *, spoiled: bool = False) -> str:
    """Return what a server writes for a request: verb, page, status and bytes."""
    page = random.choice(PAGES).format(n=random.integers(1, 300))
    verb = "POST" if page == "login" else "GET"
    status = 302 if verb == "POST" else random.choice([200, 304, 404], p=[0.85, 0.1, 0.05])
    words = [verb, f"/{page}", str(status), str(random.integers(200, 3000))]
    if spoiled:
        k = random.integers(3)
        words[k] = random.choice([words[k][1:], words[k] + "'", words[k - 1], "500"])
    return " ".join(words)


random = np.random.default_rng(0)
log = corpus_from_text("\n".join(line(random) for _ in range(4_000)), lines=True)
odd = random.random(2_000) < 0.03
later = [line(random, spoiled=spoiled) for spoiled in odd]
size, end = log.vocabulary.size, log.vocabulary.line_end
network = elman.Network("gru", input_size=size, hidden_size=48, output_size=size, seed=1)
*_, last = elman.train(network, Lines(log.symbols, end, batch_size=32, seq_length=64), epochs=5)
print(f"learned  {last.seconds:.0f} s, from 4,000 lines")

bits = np.array([score.bits for score in elman.score_lines(network, log.vocabulary, later, carry=False)])
area = (bits[odd][:, None] > bits[~odd]).mean()  # the chance that an odd line costs more than a usual one
worst = bits.argsort()[::-1]
print(f"scored   {len(later):,} lines, {odd.sum()} of them spoiled: ROC area {area:.4f}")
print(f"first    {odd[worst[: odd.sum()]].mean():.0%} of the {odd.sum()} that cost most are spoiled")
for place in worst[:5]:
    print(f"{bits[place]:8.1f} bits, usual {np.median(bits):.1f}:  {later[place]}")

symbols = log.vocabulary.encode(f"\n{later[worst[0]]}\n")
paid = inspection.surprisal(network, symbols[:-1], symbols[1:])
ax = plots.plot_surprisal(paid, later[worst[0]] + "\n")
ax.set_title("where the line that cost most is odd")
ax.figure.savefig(sys.argv[1] if len(sys.argv) > 1 else "odd_lines.png")
