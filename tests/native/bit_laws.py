"""What the compiled engine promises to the bit: each law returns the names of what is not the same, as bytes.

Promised: outputs and states do not depend on the instruction set (of those with FMA), on threads, on how time
is cut, on the rest of the batch, on a row's place in it, or on padding; gradients and losses of a batch do
not depend on instruction set, threads or padding.
Not promised: that the gradient of a batch is to the bit the sum of those of its rows or of its chunks: rows
lie in shards by their place in the batch, and sums of sums round. Nor the loss of a head other than softmax
under padding: NumPy adds it up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise, product
from typing import Any

import numpy as np

from cases import Answers, Array, Case, each, frozen, named, read, rows, steps
from elman.cells import CELLS
from elman.noise import Noise
from native_cases import ISAS, differentiated, draw, twin, unequal, using

THREADS = (1, 2, 4)
CORNERS = tuple(product(ISAS, THREADS))
SIZES = (1, 2, 3, 5, 8, 13, 15, 16, 17, 31, 33, 64, 66)
OPTIONS: tuple[dict[str, Any], ...] = (
    {"layer_norm": True}, {"learn_initial_state": True}, {"zoneout": 0.25}, {"bidirectional": True},
    {"recurrent_dropout": 0.3, "output_dropout": 0.3}, {"head": "squared"},
)  # fmt: skip
READOUTS: tuple[dict[str, Any], ...] = ({},) * 4 + tuple(
    {"readout": name} for name in ("last", "mean", "max", "concat")
)


def some_case(number: int, **given: Any) -> Case:
    """A random case: a quarter of them for each cell, both types, any option."""
    generator = np.random.default_rng([number, 11])
    T, B, I, O = (int(generator.integers(1, most)) for most in (9, 11, 20, 20))
    layers = int(generator.integers(1, 3))
    widths = tuple(int(n) for n in generator.choice(SIZES[: 13 if layers == 1 else 10], layers))
    options: dict[str, Any] = {
        "dense": bool(generator.integers(2)),
        "dtype": ("float32", "float64")[number // 4 % 2],
    }
    for option in OPTIONS:
        options |= option if generator.random() < 0.2 else {}
    options |= READOUTS[generator.integers(len(READOUTS))]
    if generator.random() < 0.3:
        options["lengths"] = generator.integers(0, T + 1, B)
    if generator.random() < 0.3:
        options["reset"] = 0.3
    if generator.random() < 0.5:
        options["noise"] = Noise(seed=3, step=int(generator.integers(100)))
    sizes = {"T": T, "B": B, "I": I, "O": O, "H": widths, "layers": layers}
    return draw(list(CELLS)[number % 4], seed=number, kink=1e-9, **sizes | options | given)


def in_place(case: Case) -> Answers:
    y, state = case.network.run(case.x, case.state, case.lengths, case.reset)
    return {"y": y, **named("state", state)}


def chunks(case: Case, generator: np.random.Generator) -> list[str]:
    """A run with noise in chunks, the state handed on, is the whole run."""
    T = len(case.dy)
    edges, state, parts = [0, *sorted(generator.integers(0, T + 1, 2).tolist()), T], case.state, []
    for start, stop in pairwise(edges):
        y, state = steps(case, start, stop, state).run()
        parts.append(y)
    assert state is not None
    y, finish = case.run()
    came = {"y": np.concatenate(parts), **named("state", state)}
    return unequal(came, {"y": y, **named("state", finish)})


def single_steps(case: Case, expected: Answers, b: int | None) -> list[str]:
    """Steps are a run; of all rows, or of row b without a batch axis."""
    state = case.state if b is None or case.state is None else each(case.state, lambda s: s[b])
    outputs = []
    for t in range(len(case.dy)):
        y, state = case.network.step(read(case.x, lambda a, t=t: a[t] if b is None else a[t, b]), state)
        outputs.append(y)
    came = {"y": np.array(outputs), **named("state", state or ())}
    return unequal(came, expected if b is None else of_rows(case, expected, b))


def placed(case: Case, expected: Answers, order: Array | int) -> list[str]:
    """These rows (in any order, some twice), or one without a batch axis, are as they were in the batch."""
    return unequal(in_place(rows(case, order)), of_rows(case, expected, order))


def of_rows(case: Case, whole: Answers, keep: Array | int) -> Answers:
    return {name: a[:, keep] if name == "y" and case.every else a[keep] for name, a in whole.items()}


def padded(case: Case, more: int) -> Case:
    """The same case with steps behind it, each row's length said: what stands there is no sequence's."""
    T, B = case.dy.shape[0] if case.every else len(read_first(case.x)), len(case.dstate[0][0])
    generator = np.random.default_rng(more)

    def longer(a: Array | None) -> Array | None:
        if a is None:
            return None
        behind = (
            a[generator.integers(0, len(a), more)]
            if a.dtype.kind in "iub"
            else np.full((more, *a.shape[1:]), np.nan)
        )
        return frozen(np.concatenate([a, behind.astype(a.dtype)]))

    timed = (
        {"dy": longer(case.dy), "targets": longer(case.targets), "weights": longer(case.weights)}
        if case.every
        else {}
    )
    if case.weights is not None and case.every:
        timed["weights"] = frozen(np.nan_to_num(timed["weights"]))
    lengths = np.full(B, T) if case.lengths is None else case.lengths
    return replace(case, x=read(case.x, longer), reset=longer(case.reset), lengths=lengths, **timed)


def read_first(x: Any) -> Array:
    return x[0] if isinstance(x, tuple) else x


def run_laws(case: Case, number: int) -> Iterator[tuple[str, list[str]]]:
    """Run by run: what each law finds, the run it is compared with on other corners of sets and threads."""
    generator = np.random.default_rng([number, 12])
    corners = generator.permutation(len(CORNERS))

    def turn() -> tuple[Any, Case]:
        nonlocal corners
        corners = np.roll(corners, 1)
        name, threads = CORNERS[corners[0]]
        return using(name), twin(case, threads=threads)

    isa, own = turn()
    with isa:
        expected = in_place(own)
    every_way = case.every and not case.network.spec.bidirectional
    B = len(case.dstate[0][0])
    if every_way:
        isa, own = turn()
        with isa:
            yield "chunks", chunks(own, generator)
    if every_way and case.lengths is None and case.reset is None:
        for b in (None, int(generator.integers(B))):
            isa, own = turn()
            with isa:
                yield "steps", single_steps(own, expected, b)
    whole = case.lengths is None
    orders: list[Array | int] = [
        np.array([generator.integers(B)]),
        generator.integers(0, B, 1 + generator.integers(12)),
    ]
    for order in orders + ([int(generator.integers(B))] if whole and case.noise is None else []):
        isa, own = turn()
        with isa:
            yield "rows", placed(own, expected, order)
    isa, own = turn()
    with isa:
        came = in_place(padded(own, 3))
        if case.every:
            came["y"] = came["y"][: len(case.dy)]
        yield "padding", unequal(came, expected)


def gradient_laws(case: Case, number: int) -> Iterator[tuple[str, list[str]]]:
    """Loss and gradients: on every set, with other threads, and padded."""
    quiet = replace(case, noise=None)
    with using(ISAS[0]):
        expected = differentiated(twin(case))
        unpadded = differentiated(twin(quiet))
    for name in ISAS:
        with using(name):
            yield name, unequal(differentiated(twin(case, threads=THREADS[number % 3])), expected)
    with using(ISAS[number % len(ISAS)]):
        wrong = unequal(differentiated(padded(twin(quiet, threads=2), 2)), unpadded)
        added_by_numpy = case.network.spec.head != "softmax" and wrong == ["loss"]
        yield "padding", [] if added_by_numpy else wrong
