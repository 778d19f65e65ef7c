"""Parameters and spellings as constant arrays of C, and how large they are.

Every matrix lies column after column: what a symbol looks up is one piece of memory, and the loops over the
sums of a product have no order to keep, so that compilers use whole vectors of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from elman.data import Vocabulary
from elman.errors import NumericError
from elman.network import Network
from elman.numerics import Array
from elman.quantization import narrow

REPLACEMENT = "\ufffd".encode()
TYPES = {"f4": "float", "i1": "int8_t", "u1": "uint8_t", "u2": "uint16_t", "u4": "uint32_t"}


@dataclass(frozen=True)
class Constant:
    """One array: its name in C, its numbers in their order, and what they are."""

    name: str
    values: Array
    meaning: str

    def lines(self) -> Iterator[str]:
        """Yield the definition, in lines of at most 100 characters."""
        of = TYPES[self.values.dtype.str[1:]]
        yield f"/* {self.meaning} */"
        yield f"static const {of} {self.name}[{self.values.size}] = {{"
        floats = self.values.dtype.kind == "f"
        across = 6 if floats else 16
        texts = list(map(_float if floats else str, self.values.tolist()))
        for start in range(0, len(texts), across):
            yield f"    {', '.join(texts[start : start + across])},"
        yield "};"


def parameters(network: Network, weights: str) -> list[Constant]:
    """Return the parameters of a network, matrices as they are or as whole numbers and their scales.

    Raises: NumericError when one is not finite.
    """
    made: list[Constant] = []
    for name, values in network.parameters.views.items():
        if not np.isfinite(values).all():
            raise NumericError(f"{name} holds numbers that are not finite; nothing is written")
        own = c_name(name)
        if values.ndim == 1:
            made.append(Constant(own, values, f"{name}: {values.size}"))
        elif weights == "int8":
            whole = narrow(values, weights)
            assert whole.scales is not None  # int8 has them
            made.append(_matrix(own, whole.values, name))
            made.append(Constant(f"{own}_scale", whole.scales, f"{name}: the scale of each row"))
        else:
            made.append(_matrix(own, values, name))
    return made


def spellings(vocabulary: Vocabulary) -> list[Constant]:
    """Return what each symbol stands for: all bytes with a 0 after each symbol, and where each begins."""
    texts = [text + b"\0" for text in spelled(vocabulary)]
    ends = np.cumsum([0, *map(len, texts)])
    place = np.uint16 if ends[-1] < 1 << 16 else np.uint32
    flat = np.frombuffer(b"".join(texts), np.uint8)
    kind = f"{vocabulary.size} {vocabulary.kind} in UTF-8"
    return [
        Constant("spelling", flat, f"the vocabulary: {kind}"),
        Constant("spelling_ends", ends.astype(place), "where each symbol begins there, and where all end"),
    ]


def spelled(vocabulary: Vocabulary) -> list[bytes]:
    """Return the bytes that each symbol writes.

    >>> spelled(Vocabulary("chars", ("<unk>", "a", "ä")))
    [b'\\xef\\xbf\\xbd', b'a', b'\\xc3\\xa4']
    """
    if vocabulary.tokens:
        return list(vocabulary.tokens)
    texts = [symbol.encode() for symbol in vocabulary.symbols]
    return [REPLACEMENT, *texts[1:]] if vocabulary.kind == "chars" else texts


def c_name(name: str) -> str:
    """Return the name of a parameter as C can have it.

    >>> c_name("layers.0.U")
    'layers_0_U'
    """
    return name.replace(".", "_")


def number(value: float) -> str:
    """Return a float32 in C, every bit of it.

    >>> number(1.0), number(np.float32(0.1)), number(1e-30)
    ('1.0f', '0.100000001f', '1e-30f')
    """
    return _float(float(np.float32(value)))


def _matrix(own: str, values: Array, name: str) -> Constant:
    rows, columns = values.shape
    return Constant(own, values.T.reshape(-1), f"{name}: {columns} columns of {rows}, one after the other")


def _float(value: float) -> str:
    text = f"{value:.9g}"
    return f"{text}f" if "." in text or "e" in text else f"{text}.0f"
