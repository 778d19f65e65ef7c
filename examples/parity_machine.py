"""Which machine did a network become?  python parity_machine.py [picture.svg]

A network reads zeros and ones, and learns to say after each whether the ones so far are odd in number, from
strings of 12 at most. What it learned is then told as a finite automaton, and tried on strings of 500.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import elman
from elman import Batch
from elman.inspection import agreement, extract_automaton


class Strings:
    """Random strings, drawn anew at every step of training; they grow from 3 symbols to 12."""

    steps_per_epoch = 100

    def batches(self, seed: int = 0, step: int = 0) -> Iterator[Batch]:
        """Yield strings "T B", and whether the ones in each beginning are odd in number."""
        while True:
            bits = np.random.default_rng([seed, step]).integers(2, size=(min(12, 3 + step // 60), 64))
            yield Batch(bits, bits.cumsum(axis=0) % 2)
            step += 1


network = elman.Network(input_size=2, hidden_size=16, output_size=2, seed=1)
*_, last = elman.train(network, Strings(), steps=1200, learning_rate=5e-3)
print(f"learned    {last.seconds:.1f} s, from strings of 12 symbols at most")

random = np.random.default_rng(1)
long = random.integers(2, size=(500, 200))
right = network.run(long)[0].argmax(axis=-1) == long.cumsum(axis=0) % 2
print(f"network    {right.mean():.2%} of {right.size:,} answers right, on strings of 500")

machine = extract_automaton(network, random.integers(2, size=(20, 200))).minimized()
print(f"automaton  {len(machine)} states: {machine}")
print(f"agreement  {agreement(network, machine, long):.2%} of the network's answers, on strings of 500")

picture = Path(sys.argv[1] if len(sys.argv) > 1 else "parity_machine.svg")
picture.write_text(machine.svg(classes=["even", "odd"]), encoding="utf-8")
