"""What is wrong: arguments of compiled functions spoilt in one way or several, at any depth."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np

from elman import ElmanError

# RuntimeError is said of what stands in the place of a number and is none, AttributeError of a Weighing.
REFUSALS = (
    ElmanError,
    ValueError,
    TypeError,
    MemoryError,
    OverflowError,
    IndexError,
    RuntimeError,
    AttributeError,
)

INTEGERS = (-(2**63), -(2**31), -1, 0, 1, 2, 3, 7, 2**31 - 1, 2**31, 2**40, 2**62, 2**63 - 1, 2**64)
NUMBERS = (float("nan"), float("inf"), -float("inf"), -1.0, 0.0, 1.0, 1e308, 5e-324)
OTHERS = (None, True, "3", b"", (), [], 1.5, np.int64(3), np.float32(2), {})
INDICES = (-(2**63), -1, 0, 1, 2, 3, 4, 9, 2**31, 2**62)


def spoil(random: Random, arguments: tuple[Any, ...], times: int | None = None) -> tuple[Any, ...]:
    """Return the arguments with one to four things in them spoilt; now and then none."""
    for _ in range(random.choice((0, 1, 1, 1, 2, 4)) if times is None else times):
        arguments = tuple(_within(random, arguments))
    return arguments


def _within(random: Random, values: tuple[Any, ...]) -> Any:
    if not values or random.random() < 0.05:
        return random.choice((values[:-1], (*values, None), (*values, *values[:1]), values[::-1]))
    at = random.randrange(len(values))
    one = values[at]
    if isinstance(one, tuple) and random.random() < 0.95:
        changed = _within(random, one)
    else:
        changed = wrong(random, one)
    return (*values[:at], changed, *values[at + 1 :])


def wrong(random: Random, value: Any) -> Any:
    """Return something else in the place of a value: near it, or of another kind."""
    if isinstance(value, np.ndarray) and random.random() < 0.95:
        return _array(random, value)
    if isinstance(value, bool | int) and random.random() < 0.9:
        return random.choice((value + 1, value - 1, 2 * value, *INTEGERS))
    if isinstance(value, float) and random.random() < 0.9:
        return random.choice(NUMBERS)
    return random.choice(OTHERS)


def _array(random: Random, value: np.ndarray) -> Any:
    flat, dtype = value.reshape(-1), value.dtype
    if random.random() < 0.4:
        return _content(random, value.copy())
    ways = (
        lambda: flat[:-1].copy(),
        lambda: np.concatenate([flat, flat[:1]]),
        lambda: np.concatenate([flat, flat]),
        lambda: flat[:0].copy(),
        lambda: np.repeat(flat, 2)[::2],
        lambda: flat[::-1],
        lambda: value.T,
        lambda: value[None],
        lambda: value[..., :1],
        lambda: value.astype(random.choice(("f4", "f8", "i4", "i8", "u8", "u1", "?", "c8", "O", "S8"))),
        lambda: value.astype(dtype.newbyteorder()),
        lambda: np.broadcast_to(dtype.type(1), value.shape),
        lambda: _locked(value.copy()),
        lambda: np.lib.stride_tricks.as_strided(value, value.shape, (0,) * value.ndim),
        lambda: np.frombuffer(bytes(value.nbytes + 1), "u1")[1:].view(dtype),
        lambda: value.tolist(),
        lambda: value.tobytes(),
        lambda: memoryview(value),
        lambda: value,
    )
    try:
        return random.choice(ways)()
    except (TypeError, ValueError):  # NumPy makes no numbers of what is spoilt already
        return value


def _content(random: Random, value: np.ndarray) -> np.ndarray:
    """Write other numbers into an array: what is an index may be any, what is a number need not be finite."""
    if not value.size:
        return value
    for _ in range(random.choice((1, 1, 3, value.size))):
        at = random.randrange(value.size)
        if value.dtype.kind == "f":
            value.flat[at] = random.choice((*NUMBERS[:5], 1e30, 0.5))
        elif value.dtype == np.int64:
            value.flat[at] = random.choice(INDICES)
        elif value.dtype.itemsize == 1:
            value.flat[at] = random.choice((0, 1)) if value.dtype.kind == "b" else 1
    return value


def _locked(value: np.ndarray) -> np.ndarray:
    value.flags.writeable = False
    return value
