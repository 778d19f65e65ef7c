"""Ask every function of the compiled module with each argument wrong in turn, and say what came of it.

A program of its own, so that a crash is one line of a report: the last name without an outcome.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from elman.engines.loading import native

MODULE = native()
HUGE = 2**40  # the largest size that is one; products of two wrap round
T, B, I, H, O = 3, 4, 2, 5, 6
Call = tuple[Callable[..., Any], tuple[Any, ...]]


def calls(dtype: str) -> dict[str, Call]:
    """A right call of every function; of a layer, an LSTM's with layer normalization and a GRU's."""
    module, F = getattr(MODULE, dtype), 4 * H

    def new(*shape: int) -> np.ndarray:
        return np.full(shape, 0.5, dtype)

    def layer(cell: int, F: int, norm: bool, symbols: bool) -> tuple[Any, ...]:
        two, lstm, x = new(B, H), cell == 3, new(T, B, I)
        gains = (new(F), new(F)) if norm else (None, None)
        weights = (new(F, I), new(F, H), new(F), None if lstm else new(F), *gains)
        live, reset = np.array([4, 3, 1]), np.zeros((T, B), bool)
        course = (
            live,
            reset,
            two,
            two if lstm else None,
            two,
            0.0,
            new(T, B, H),
            new(T, B, H) if lstm else None,
        )
        hats = (new(T, B, F), new(T, B), new(T, B, F), new(T, B)) if norm else (None,) * 4
        read = (None, np.ones((T, B), np.int64)) if symbols else (x, None)
        states = (new(T + 1, B, H), new(T + 1, B, H) if lstm else None)
        return cell, (T, B, I, H), weights, course, (*read, *states, new(T, B, F), new(T, B, H), *hats)

    def flow(F: int, norm: bool, gru: bool) -> tuple[Any, ...]:
        others = (new(T, B, F), new(T, B, F)) if norm else (None, None)
        states, anew = new(T + 1, B, H), new(B, H)
        return (states, None if gru else states.copy(), anew, None if gru else anew.copy(),
                new(T, B, F) if gru else None, *others, None if gru else new(T, B, I))  # fmt: skip

    def gradient(F: int, norm: bool, gru: bool) -> tuple[Any, ...]:
        gains = (new(F), new(F)) if norm else (None, None)
        return new(F, I), new(F, H), new(F), new(F) if gru else None, *gains

    lstm, gru = layer(3, F, True, False), layer(2, 3 * H, False, True)
    N, targets = T * B, np.ones(T * B, np.int64)
    rows, V, c, y = new(N, H), new(O, H), new(O), new(N, O)
    into, constants = (new(O, H), new(O), new(N, H)), (0.1, 0, 0.9, 0.9, 1e-8, 0.1, 1.0)
    return {
        "forward lstm": (module.forward, (*lstm, 2)),
        "forward gru": (module.forward, (*gru, 1)),
        "backward lstm": (module.backward, (*lstm, flow(F, True, False), gradient(F, True, False), 2)),
        "backward gru": (module.backward, (*gru, flow(3 * H, False, True), gradient(3 * H, False, True), 1)),
        "outputs": (module.outputs, ((N, H, O), (rows, V, c, y), 1)),
        "inputs": (module.inputs, ((T, B, H, O), (y, rows, V, *into), 1)),
        "softmax": (module.softmax, ((T, B, H, O), (rows, V, c, targets, np.ones(N), *into), 3.0, 1.0, 1)),
        "judge": (module.judge, ((N, H, O), (rows, V, c, targets, np.ones(N), targets.copy()), 1)),
        "sum_by_symbol": (
            module.sum_by_symbol,
            ((T, B, H, I), np.ones((T, B), np.int64), new(T, B, H), new(I, H), 1),
        ),
        "update": (module.update, (3, constants, new(N), new(N), new(2, N), N, 1)),
        "squares": (module.squares, (new(N), N)),
        "apply": (module.apply, (0, new(N), new(N), N)),
    }


def hostile(dtype: str) -> dict[str, Call]:
    """Sizes whose products wrap round to those of the arrays."""
    module, none, one = getattr(MODULE, dtype), np.empty(0, dtype), np.ones(1, dtype)
    no_symbols, wrap = np.empty(0, np.int64), 2**64 // none.itemsize
    wide = np.zeros(2**24, dtype)
    tape, no_input = (none, None, none, *nothing(7)), (None, no_symbols, none, *nothing(7))
    course = (*nothing(5), 0.0, None, None)
    too_much, large = (HUGE, 2**24, 1, 1), (HUGE - 1, HUGE, 2**24, 1)
    return {
        "forward, T·B·H": (module.forward, (0, large, (wide, one, one, *nothing(3)), course, tape, 1)),
        "forward, I of nothing": (
            module.forward,
            (0, (0, 0, HUGE, 0), (none, none, none, *nothing(3)), course, no_input, 1),
        ),
        "inputs, T·B": (module.inputs, (too_much, (none, none, one, one, one, none), 1)),
        "softmax, T·B": (
            module.softmax,
            (too_much, (none, one, one, no_symbols, None, one, one, none), 1.0, 1.0, 1),
        ),
        "sum_by_symbol, T·B": (module.sum_by_symbol, (too_much, no_symbols, none, one, 1)),
        "sum_by_symbol, I of nothing": (
            module.sum_by_symbol,
            ((0, 0, 0, HUGE), no_symbols, none, none, 1),
        ),
        "apply": (module.apply, (0, none, none, wrap)),
        "squares": (module.squares, (none, wrap)),
        "update": (module.update, (0, (0.1,) * 7, none, none, none, wrap, 1)),
    }


def nothing(count: int) -> tuple[None, ...]:
    return (None,) * count


def spoilt(value: Any) -> Iterator[tuple[str, Any]]:
    """What a wrong argument in the place of this one may be."""
    if isinstance(value, tuple):
        yield from (
            ("shorter", value[:-1]),
            ("longer", (*value, None)),
            ("a list", list(value)),
            ("None", None),
        )
        return
    if not isinstance(value, np.ndarray):
        yield from (("None", None), ("text", "3"), ("negative", -1), ("huge", HUGE), ("beyond", 2**64))
        return
    other = {"f": "int32", "d": "float32", "l": "float64", "q": "float64", "?": "float32"}[value.dtype.char]
    flat = value.ravel()
    yield from (
        ("another type", np.ones_like(value, other)),
        ("complex", value.astype(complex)),
        ("another byte order", value.astype(value.dtype.newbyteorder())),
        ("objects", value.astype(object)),
        ("one less", flat[:-1].copy()),
        ("one more", np.concatenate([flat, flat[:1]])),
        ("every second", np.repeat(flat, 2)[::2]),
        ("backward", flat[::-1]),
        ("a list", value.tolist()),
        ("text", "array"),
        ("nothing", flat[:0].copy()),
        ("None", None),
    )
    if value.dtype.kind == "i":
        yield from (
            (name, np.full_like(value, wrong))
            for name, wrong in (("negative", -1), ("too large", 9), ("2⁶²", 2**62))
        )
    locked = value.copy()
    locked.flags.writeable = False
    yield "locked", locked


def variants(arguments: tuple[Any, ...], name: str) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """The arguments with one of them, at any depth, spoilt."""
    for k, value in enumerate(arguments):
        for how, wrong in spoilt(value) if value is not None else ():
            yield f"{name}[{k}] {how}", (*arguments[:k], wrong, *arguments[k + 1 :])
        if isinstance(value, tuple):
            for deeper, changed in variants(value, f"{name}[{k}]"):
                yield deeper, (*arguments[:k], changed, *arguments[k + 1 :])


def tell(name: str, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    print(name, end=": ", flush=True)
    try:
        function(*arguments)
        outcome = "fine"
    except Exception as error:
        outcome = type(error).__name__
    print(outcome, flush=True)


def main() -> None:
    limited = limit_memory()
    for dtype in ("float32", "float64"):
        for name, (function, arguments) in calls(dtype).items():
            tell(f"right: {dtype} {name}", function, arguments)
            for which, changed in variants(arguments, f"{dtype} {name}"):
                tell(which, function, changed)
        for name, (function, arguments) in hostile(dtype).items():
            if limited or "of nothing" not in name:
                tell(f"hostile: {dtype} {name}", function, arguments)


def limit_memory() -> bool:
    """What is too large shall fail, not fill the machine; a sanitizer needs more, and ends the program."""
    if "LD_PRELOAD" in os.environ:
        return False
    with suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (2**33, 2**33))
        return True
    return False


if __name__ == "__main__":
    main()
