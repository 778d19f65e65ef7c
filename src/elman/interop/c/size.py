"""What an exported network costs: bytes of flash and RAM, multiplications of a step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .arrays import Constant
from .source import Source


@dataclass(frozen=True)
class Size:
    """Bytes of constants (they lie in flash), of one state (RAM), and multiply-adds of one step.

    The code comes on top, a few kilobytes in flash, as does what a call has on the stack, 0.2 kB.

    >>> print("\\n".join(Size(weights=20_000, vocabulary=300, ram=1_024, multiply_adds=5_000).lines()))
    flash       20,300 bytes: weights 20,000, vocabulary 300; and the code
    RAM         1,024 bytes for each state
    a step      5,000 multiply-adds
    """

    weights: int
    vocabulary: int
    ram: int
    multiply_adds: int

    @property
    def constants(self) -> int:
        """Bytes of all arrays."""
        return self.weights + self.vocabulary

    def lines(self) -> list[str]:
        """Return the report."""
        parts = f"weights {self.weights:,}, vocabulary {self.vocabulary:,}"
        return [
            f"flash       {self.constants:,} bytes: {parts}; and the code",
            f"RAM         {self.ram:,} bytes for each state",
            f"a step      {self.multiply_adds:,} multiply-adds",
        ]


def measure(source: Source, weights: Iterable[Constant], spelling: Iterable[Constant]) -> Size:
    """Return the size of a source with these arrays."""
    spec = source.network.spec
    ram = 4 * (sum(count for _, count, _ in source.members()) + (spec.head == "softmax"))
    below = spec.feature_size + (spec.embedding_size or (0 if source.symbols else spec.input_size))
    products = spec.y_size * spec.widths[-1]
    for width in spec.widths:
        products += source.gates * width * (below + width)
        below = width
    return Size(
        sum(one.values.nbytes for one in weights),
        sum(one.values.nbytes for one in spelling),
        ram,
        products,
    )
