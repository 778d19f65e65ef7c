"""Cases of what keeps something between calls: streams, their states, drawing, and whole networks."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import numpy as np

from elman import Network
from elman.drawing import Weighing
from elman.engines.loading import native
from elman.engines.native import CELLS, HEADS, STORAGES
from elman.quantization import narrow
from fuzz_values import INTEGERS, NUMBERS, spoil, wrong

Calls = Iterator[Callable[[], Any]]
SIZES = (1, 2, 3, 5, 8, 17, 33)


def network(random: Random, **fixed: Any) -> Network:
    """A small network of any kind that reads step by step, some of its weights not finite."""
    cell, activation = random.choice(list(CELLS))
    layers = random.choice((1, 1, 2))
    options: dict[str, Any] = {"hidden_size": tuple(random.choice(SIZES) for _ in range(layers))}
    options |= {"input_size": random.choice(SIZES), "output_size": random.choice(SIZES)}
    options |= {name: True for name in ("layer_norm", "learn_initial_state") if random.random() < 0.3}
    if random.random() < 0.4:
        options |= {"embedding_size": random.choice(SIZES), "feature_size": random.choice((0, 2))}
    options |= {"zoneout": random.choice((0.0, 0.0, 0.2)), "dtype": random.choice(("float32", "float64"))}
    if "embedding_size" not in options:
        options["head"] = random.choice(("softmax", "sigmoid", "squared", "gaussian"))
    options |= {"activation": activation, "seed": random.randrange(100), "engine": "native"}
    made = Network(cell, **options | fixed)
    flat = made.parameters.flat
    if random.random() < 0.3:
        flat[random.randrange(len(flat))] = random.choice((*NUMBERS[:4], 1e30))
    return made


def given(of: Network, storage: str = "") -> tuple[Any, ...]:
    """Return what a stream is made of, as `elman.stepping` gives it, but for threads."""
    spec, views = of.spec, dict[str, Any](of.parameters.views)
    if storage:
        for name, view in views.items():
            if name.rsplit(".")[-1] in ("U", "W", "V", "E"):
                matrix = narrow(np.nan_to_num(view, posinf=1e30, neginf=-1e30), storage)
                views[name] = (matrix.values, matrix.scales)
    names = ("U", "W", "b", "d", "gU", "gW", "h0", "s0")
    sizes = (spec.input_size, spec.embedding_size or 0, spec.feature_size, spec.y_size)
    codes = (CELLS[spec.cell, spec.activation], HEADS.get(spec.head, 0))
    layers = tuple(tuple(views.get(f"{place}.{name}") for name in names) for place in spec.places())
    outlet = (views["head.V"], views["head.c"], views.get("embedding.E"))
    return of.parameters.flat, (*codes, *sizes), layers, outlet, float(spec.zoneout), STORAGES[storage]


def streams(random: Random) -> Calls:
    """A stream made of right or wrong parts, then calls of it, most with something wrong."""
    of = network(random)
    made: list[Any] = []
    storage = random.choice(("", "", "bfloat16", "int8")) if of.spec.dtype == "float32" else ""
    parts = spoil(random, given(of, storage), times=random.choice((0, 0, 0, 1, 2)))
    threads = random.choice((-1, 0, 1, 2, 5))  # each has memory of its own; Python bounds them
    yield lambda: made.append(getattr(native(), of.spec.dtype).Stream(*parts, threads, True))
    for _ in range(8 if made else 0):
        name, right = random.choice(_calls(random, of))
        times = 0 if name == "resize" else random.choice((0, 0, 1, 2))
        spoilt = spoil(random, right, times)
        yield lambda name=name, spoilt=spoilt: getattr(made[0], name)(*spoilt)


def _calls(random: Random, of: Network) -> list[tuple[str, tuple[Any, ...]]]:
    spec, rows, steps = of.spec, random.choice((0, 1, 2, 50)), random.choice((0, 1, 3))
    places, symbols = np.arange(rows), np.zeros((steps, rows), np.int64)
    y = np.zeros(spec.y_size, spec.dtype)
    numbers = np.concatenate([part for layer in of.init_state() for part in layer])
    wide = spec.feature_size if spec.embedding_size else spec.input_size
    vector, features = np.ones(wide, spec.dtype), None
    if wide and (spec.feature_size or random.random() < 0.5):
        features = np.ones((steps, rows, wide), spec.dtype)
    beside = features is None or spec.feature_size
    read = (places, symbols if beside else None, features, np.zeros((steps, rows, spec.y_size), spec.dtype))
    weighing = Weighing(random.choice((0.0, 1e-9, 1.0, 1e9)), random.choice((None, 1, 3, 10**9)), 0.5)
    drawn = np.full((rows, steps), 0.5), np.zeros((rows, steps), np.int64)
    return [
        ("attach", (_door(random), y, y, y.copy())),
        # Not what could be had but is not there: without memory for `new` a sanitizer ends the program.
        ("resize", (random.choice((0, 1, 2, 50, 60, -1, 2**62, 2**64, None)),)),
        ("resize", (50,)),
        ("put", (places, random.choice((None, numbers)))),
        ("values", (0,)),
        ("advance", (steps, read)),
        ("advance", (steps, read)),
        ("generate", ((places, np.zeros(rows, np.int64), *drawn), weighing, steps)),
        ("step", (random.choice((0, 1, -1, vector, (0, vector), "x", 2**70)),)),
    ]


def _door(random: Random) -> Callable[[Any], Any]:
    ones = np.ones(3), np.ones(2, "f4")
    answer = random.choice(((0, None), (None, ones[0]), (None, None), (2**40, None), 3, (0, ones[1])))
    return lambda x: answer


def whole(random: Random) -> Calls:
    """A plain network there and back in one call."""
    plain = {"layer_norm": False, "embedding_size": None, "feature_size": 0, "zoneout": 0.0}
    of = network(random, head="softmax", **plain)
    dtype, made, room = of.spec.dtype, [], [0]
    flat, (code, _, wide, *_, outputs), layers, outlet, *_ = given(of)
    right = (flat, (code, wide, outputs), tuple(layer[:6] for layer in layers), outlet[:2], 2)
    parts = spoil(random, right, times=random.choice((0, 0, 0, 1, 2)))
    yield lambda: made.append(getattr(native(), dtype).Whole(*parts))
    T, B = random.choice((1, 3)), random.choice((1, 2, 5))
    asked = spoil(random, (T, B), times=random.choice((0, 0, 1)))
    if made:
        yield lambda: made[0].room(*asked)
        yield lambda: room.append(made[0].room(T, B))
    symbols, x = np.zeros((T, B), np.int64), random.choice((None, np.ones((T, B, wide), dtype)))
    reset = random.choice((None, np.zeros((T, B), bool)))
    read = (symbols if x is None else None, x, symbols.copy(), reset)
    ends = [tuple(np.zeros((B, len(s)), dtype) for layer in of.init_state() for s in layer) for _ in range(3)]
    into = (np.zeros_like(flat), np.zeros(room[-1], dtype))
    for _ in range(4 if room[-1] else 0):
        arguments = (T, B, read, tuple(ends), into, 1.0)
        arguments = spoil(random, arguments, times=random.choice((0, 1, 1, 2)))
        yield lambda arguments=arguments: made[0].differentiate(*arguments)


def states(random: Random) -> Calls:
    """Bytes of a state, changed, most of them with a checksum that is right; then a step from it."""
    of = network(random)
    data = bytearray(of.stream().state)
    for _ in range(random.choice((0, 1, 1, 3))):
        at = random.randrange(len(data)) if data else 0
        pieces = (b"", random.randbytes(1), random.randbytes(4), bytes(data[:at]), b"\xff\xff\xff\x7f")
        data[at : at + random.choice((0, 1, 4, len(data)))] = random.choice(pieces)
    if random.random() < 0.8 and len(data) > 4:
        data[-4:] = zlib.crc32(data[:-4]).to_bytes(4, "little")
    made: list[Any] = []
    yield lambda: made.append(of.stream(bytes(data)))
    many = of.streams(3)
    yield lambda: many.set_state([0, 2], bytes(data))
    x = (0, np.ones(of.spec.feature_size)) if of.spec.feature_size else 0
    for stream in made:
        yield lambda stream=stream: stream.step(x)
        yield lambda stream=stream: of.stream(stream.state)


def drawing(random: Random) -> Calls:
    """Symbols drawn from any logits, with any weighing that can be asked for."""
    size = random.choice(SIZES)
    of = network(random, input_size=size, output_size=size, head="softmax", feature_size=0)
    of.parameters.flat[:] *= random.choice((1, 1, 1e10, 1e30))
    rows, length = random.choice((0, 1, 3, 60)), random.choice((0, 1, 5))
    many = of.streams(rows)
    chances = np.array([random.random() for _ in range(rows * length)]).reshape(rows, length)
    last = np.array([random.randrange(size) for _ in range(rows)], np.int64)
    for _ in range(4):
        banned = tuple(random.choice((0, size - 1, size, -1, 2**62)) for _ in range(random.choice((0, 0, 2))))
        limits = {
            "temperature": random.choice((0.0, 1e-320, 1e-9, 0.7, 1.0, 1e9, 1e308, *NUMBERS[:2])),
            "top_k": random.choice((None, 1, 2, size, size + 1, 2**40, *INTEGERS)),
            "top_p": random.choice((None, 0.0, 1e-9, 0.9, 1.0, *NUMBERS[:4])),
            "banned": banned,
            "fresh_after": random.choice((None, 0, size - 1, size, -5, 2**70)),
        }
        begin = wrong(random, last) if random.random() < 0.2 else last
        uniform = wrong(random, chances) if random.random() < 0.2 else chances
        yield lambda a=begin, b=uniform, c=limits: many.draw(a, b, Weighing(**c))
