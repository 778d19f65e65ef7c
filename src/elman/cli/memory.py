"""How much memory a run will take, counted before any of it is taken, and how much there may be."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import Any, TypeVar

import click

from elman import engines, optimizers
from elman.cells import Cell, find
from elman.data.available import LIMIT, available, limited
from elman.engines.native import Native
from elman.errors import ResourceError
from elman.outlet import BLOCK
from elman.spec import Spec

from .common import ONCE
from .engine import EngineChoice
from .options import Option
from .settings import Settings
from .work import Work

Result = TypeVar("Result")

BASE = 4 << 20  # bytes: modules that are imported late, BLAS
SUMS = 4 * 264  # rows of a gradient that a thread of the compiled engine adds up at once
JUDGED_ROWS = 64  # whose outputs a thread of it has at hand
SYMBOLS = 32  # bytes that a symbol takes as input, as target and in the order of its sums
TEMPORARIES = {"sgd": 1, "momentum": 1}  # of an update in NumPy, as large as the parameters; others have 3
UNITS = " KMGT"


def memory_option(command: Callable[..., Result]) -> Callable[..., Result]:
    """Give a command --memory-limit, which reading and `check_run` obey."""

    @wraps(command)
    def inside(*arguments: Any, memory_limit: int | None, **options: Any) -> Result:
        with limited(memory_limit):
            return command(*arguments, **options)

    return _memory_limit(inside)


def size(value: Any) -> int:
    """Return how many bytes a text means: a number, with K, M, G or T for powers of 1024.

    >>> size("2G"), size("1.5 MiB"), size("4096")
    (2147483648, 1572864, 4096)
    """
    told = re.fullmatch(
        r"(\d{1,15}(?:\.\d{1,9})?) ?(?:([KMGT])(?:I?B)?|B?)", str(value).strip().upper(), re.ASCII
    )
    if told is None or not (count := int(float(told[1]) * 1024 ** UNITS.index(told[2] or " "))):
        raise click.BadParameter(
            f"{str(value)[:40] or 'nothing'} came; expected an amount such as 500M or 2G"
        )
    return count


_memory_limit = click.option(
    "--memory-limit",
    cls=Option,
    section="Engine",
    type=size,
    metavar="SIZE",
    help="Refuse a run that would take more: 500M, 2G (none: what is free here).",
)


def check_run(spec: Spec, work: Work, s: Settings, on: EngineChoice) -> None:
    """Raise ResourceError when a run needs more memory than it may take."""
    engine = engines.find(on["engine"], spec.dtype, on["threads"])
    threads = engine.threads if isinstance(engine, Native) else 0
    symbols = work.vocabulary is not None
    _check(Plan(spec, *work.largest_batch(), s.optimizer, work.judged, symbols, threads))


def _check(plan: Plan) -> None:
    needed, free = plan.estimate(), available()
    if needed > free:
        limit = " within --memory-limit" * (LIMIT.get() < math.inf)
        raise ResourceError(
            f"the run would take about {in_bytes(needed)} ({plan.size:,} parameters), "
            f"{in_bytes(free)} are free{limit}: "
            "lower --hidden-size, --batch-size or --seq-length (of tables: --window)"
        )


def in_bytes(count: float) -> str:
    """Put an amount of memory into words.

    >>> in_bytes(3 << 30), in_bytes(5.5e6), in_bytes(-1)
    ('3.0 GiB', '5 MiB', '0 MiB')
    """
    count = max(count, 0)
    return f"{count / 2**30:,.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


@dataclass(frozen=True)
class Plan:
    """What a run will need memory for; how near it comes is tried by tests/promises/test_r25_memory.py.

    symbols: symbols are read, not numbers; threads: of the compiled engine, 0 is the reference engine.
    """

    spec: Spec
    batch_size: int
    steps: int
    optimizer: str = "adam"
    judged: bool = True
    symbols: bool = True
    threads: int = 0

    def estimate(self) -> int:
        """Return how many bytes a run adds to what its process has taken.

        Either the weights are being drawn; or there they are with all their copies, and a batch, to be
        learned from or judged.
        """
        # Weights and gradient; the optimizer's memory, twice with the weights, so that an update can be
        # refused whole; the best, in compiled runs with the one before it.
        slots, compiled = optimizers.find(self.optimizer).slots, self.threads > 0
        copies = 2 + slots + (1 + slots) + self.judged * (1 + compiled)
        copies += 0 if compiled else TEMPORARIES.get(self.optimizer, 3)
        training = self.item * (copies * self.size + self._packed())
        training += max(self._batch(), self.judged * self._judged())
        return BASE + max(training, self.item * self.size + self._drawn())

    @cached_property
    def size(self) -> int:
        """The number of parameters."""
        return sum(math.prod(shape) for shape in self.spec.layout().values())

    @property
    def item(self) -> int:
        """The bytes of a number."""
        return 4 if self.spec.dtype == "float32" else 8

    @cached_property
    def _cell(self) -> Cell:
        return find(self.spec.cell, self.spec.activation)

    @property
    def _bare(self) -> bool:
        """Does the first layer read symbols, not numbers?"""
        return self.symbols and self.spec.embedding_size is None and not self.spec.feature_size

    def _drawn(self) -> int:
        """Return the bytes that are taken while the largest array of weights is drawn, in float64."""
        rotated = (5 if len(self._cell.gates) == 1 else 8) * max(width**2 for width in self.spec.widths)
        return 8 * max(rotated, 2 * max(math.prod(shape) for shape in self.spec.layout().values()))

    def _packed(self) -> int:
        """Return how many numbers the compiled engine keeps packed, and in the sums of its threads."""
        if not self.threads:
            return 0
        shapes = self.spec.layout()
        V = shapes["embedding.E" if self.spec.tied else "head.V"]
        W = max(math.prod(shape) for name, shape in shapes.items() if name.endswith(".W"))
        return max(2 * math.prod(V), W) + self.threads * SUMS * max(*self.spec.widths, self.spec.read_out)

    def _batch(self) -> int:
        """Return the bytes of a batch: what is read, the tapes, the way back, the outputs of a block."""
        numbers = sum(map(self._tape, self.spec.place_widths())) + self._between()
        numbers += max(map(self._back, range(self.spec.num_layers)))
        places = self.batch_size * (self.steps + 1)
        return self.item * (places * numbers + self._outputs()) + SYMBOLS * places

    def _tape(self, width: int) -> int:
        """Return how many numbers a step of one row leaves behind in a layer of one direction."""
        spec, cell, gates = self.spec, self._cell, len(self._cell.gates)
        normal, held = 2 * gates * spec.layer_norm, len(cell.states) * (spec.zoneout > 0)
        return width * (gates + len(cell.states) + cell.kept + normal + held)

    def _between(self) -> int:
        """Return what a step of one row leaves between layers: inputs, masks, both directions together."""
        spec, both = self.spec, self.spec.directions
        between = 0 if self._bare else spec.reads * (1 if self.symbols else 2)
        between += 2 * both * sum(spec.widths[:-1]) * (spec.dropout > 0)
        between += 2 * both * spec.widths[-1] * (spec.output_dropout > 0)
        return between + 5 * sum(spec.widths) * spec.bidirectional  # turned, and side by side

    def _back(self, layer: int) -> int:
        """Return how many numbers of a step of one row are on their way back through a layer."""
        spec, cell, width = self.spec, self._cell, self.spec.widths[layer]
        both, gates, first = spec.directions, len(cell.gates) * width, layer == 0
        below = both * spec.widths[layer - 1] if layer else spec.reads * (spec.embedding_size is not None)
        back = both * width + below + (len(cell.states) - 1) * width + gates * cell.recurrent_bias
        back += (width + below) * spec.bidirectional + 2 * gates * spec.layer_norm
        if not self.threads:
            back += gates * (first and self._bare) + width * (spec.recurrent_dropout > 0)
            back += gates * spec.layer_norm
        return back + both * width * {"every": 0, "last": 1}.get(spec.readout, 3)

    def _outputs(self) -> int:
        """Return how many outputs are there at once: those of a block, not compiled also of the next."""
        size = self.batch_size * self.spec.y_size
        whole = size * (self.steps if self.spec.readout == "every" else 1)
        once = min(whole, max(BLOCK // size, 1) * size)
        compiled = self.threads > 0 and self.spec.head == "softmax"
        return once if compiled or once == whole else 2 * once

    def _judged(self) -> int:
        """Return the bytes that judging takes, a piece at a time."""
        spec, cell = self.spec, self._cell
        kept = len(cell.states) + (0 if self.threads else len(cell.gates) + cell.kept)
        blocks = self.threads * JUDGED_ROWS * spec.y_size
        if not self.threads:
            blocks = 3 * spec.y_size * max(min(ONCE, BLOCK // spec.y_size), 1)
        once = min(ONCE, BLOCK // max(spec.widths) + 1)
        return self.item * (once * kept * sum(spec.place_widths()) + blocks)
