"""`to_c`: from a network to the texts of its two files."""

from __future__ import annotations

import re

from elman.data import Vocabulary
from elman.errors import OptionError
from elman.network import Network
from elman.spec import Spec

from . import arrays
from .header import header
from .size import Size, measure
from .source import Source

WEIGHTS = ("float32", "int8")


def to_c(
    network: Network, vocabulary: Vocabulary | None = None, *, name: str, weights: str = "float32"
) -> tuple[str, str, Size]:
    """Return (source, header, size): the texts of NAME.c and NAME.h, and what they cost.

    `name` stands before everything that others can see: NAME_state, NAME_init, NAME_reset, NAME_step. With a
    vocabulary a step reads a symbol, and NAME_symbol and NAME_find say how symbols are spelled; without, it
    reads a vector, or by NAME_step_symbol a symbol. A network that predicts symbols has NAME_softmax and
    NAME_sample, too. `weights`: float32, or int8 with a scale for each row of each matrix.

    Held: every cell and head, layers, embedding (tied, too), features, layer normalization, zoneout (its
    mean), learned initial states. A readout "last" is y after the last step.
    Raises: OptionError for what needs the whole sequence, for float64, for a name that C cannot have, or a
            vocabulary of another size; NumericError when a weight is not finite.

    >>> source, header, size = to_c(Network("gru", input_size=2, hidden_size=8, output_size=1), name="pump")
    >>> "void pump_step(pump_state *state, const float *x, float *y);" in header
    True
    >>> size.ram, size.multiply_adds
    (228, 248)
    """
    _check(network.spec, vocabulary, name, weights)
    of = Source(network, vocabulary, name, weights)
    numbers = arrays.parameters(network, weights)
    spelling = arrays.spellings(vocabulary) if vocabulary else []
    size = measure(of, numbers, spelling)
    texts = "\n\n".join("\n".join(one.lines()) for one in (*numbers, *spelling))
    opening = f"/* {name}: see {name}.h. Exported by elman; the equations are those of its cells. */\n"
    return f'{opening}#include "{name}.h"\n\n{texts}\n\n{of.body()}', header(of, size), size


def _check(spec: Spec, vocabulary: Vocabulary | None, name: str, weights: str) -> None:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise OptionError(f"name is {name!r}; C needs letters, digits and _, a letter first, such as 'model'")
    if weights not in WEIGHTS:
        raise OptionError(f"weights is {weights!r}; there are {', '.join(WEIGHTS)}")
    if spec.whole_only:
        raise OptionError(
            f"C goes step by step, and {spec.whole_only} reads the whole sequence: it cannot be exported"
        )
    if spec.dtype != "float32":
        raise OptionError(f"dtype is {spec.dtype!r}; the C computes in float32: train in that")
    if vocabulary is not None and vocabulary.size != spec.input_size:
        sizes = f"{vocabulary.size} symbols, the network reads {spec.input_size}"
        raise OptionError(f"the vocabulary has {sizes}; take the model's own vocabulary")
