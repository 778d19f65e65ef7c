"""Mutants of model files, by bytes and by structure; what is changed by structure mostly has a right digest.

A good file taken apart is (arrays described, strings, data).  Mutants that got past the digest reach what
reads the parts: the spec, the texts of the metadata, the vocabulary, the training.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

from file_cases import SEAL, sealed, taken_apart

TOKENS = (b"{", b"}", b"[", b"]", b'"', b"\\", b":", b",", b"-", b"1e9", b"true", b"9" * 30, b"\xff", b"\0")
NUMBERS = (-1, 0, 1, 2, 3, 255, 2**31, 2**32 - 1, 2**53, 2**63 - 1, 2**64, 10**30, 0.5, -0.0, 1e300)
OTHERS: tuple[Any, ...] = (None, True, False, "", "a", "\0", "é" * 50, "\u2028", [], {}, [[]], {"a": {}})
WORDS = ("elman", "gru", "lstm", "relu", "float64", "float16", "bytes", "words", "bpe", "last", "flatten")
CODES = ("F32", "F64", "I64", "U8", "BF16")

Parts = tuple[dict[str, Any], dict[str, str], bytearray]


def mutant(random: Random, seeds: list[bytes]) -> bytes:
    """Return a file that differs from one of these."""
    raw = random.choice(seeds)
    if random.random() < 0.3:
        return by_bytes(random, raw, seeds)
    described, strings, data = taken_apart(raw)
    parts = described, strings, bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        random.choice(CHANGES)(random, parts)
    seal = SEAL.decode() if random.random() < 0.9 else "0" * 63 + "1"
    header = json.dumps({"__metadata__": strings | {"sha256": seal}, **described}, separators=(",", ":"))
    text = bytearray(header.encode("utf-8", "surrogatepass"))
    if random.random() < 0.2:
        splice(random, text, [bytes(text)])
    return sealed(bytes(text), bytes(parts[2]))


def by_bytes(random: Random, raw: bytes, seeds: list[bytes]) -> bytes:
    """Flip, insert, remove, repeat, cut and join."""
    changed = bytearray(raw)
    for _ in range(random.choice((1, 1, 2, 8))):
        splice(random, changed, seeds)
    return bytes(changed)


def splice(random: Random, text: bytearray, others: list[bytes]) -> None:
    """Put something else, or nothing, in the place of a stretch."""
    other, place = random.choice(others), random.randrange(len(text) + 1)
    begin = random.randrange(len(other) + 1)
    piece = other[begin : begin + random.choice((1, 9, 60, 400))]
    token, many = random.choice(TOKENS), random.choice((1, 1, 3, 3000))
    choices = (b"", piece, token * many, random.randbytes(random.choice((1, 4, 8))))
    text[place : place + random.choice((0, 1, 1, 8, 20, len(text)))] = random.choice(choices)


def edited(random: Random, value: Any, depth: int = 0) -> Any:
    """Return a value of JSON with one thing in it changed."""
    inside = isinstance(value, dict | list) and value and random.random() < 0.8
    if inside and isinstance(value, dict):
        key = random.choice(list(value))
        action = random.random()
        if action < 0.15:
            return {name: one for name, one in value.items() if name != key}
        if action < 0.3:
            return value | {random.choice(("", "x", key + "s", "sha256")): value[key]}
        return value | {key: edited(random, value[key], depth + 1)}
    if inside:
        at = random.randrange(len(value))
        piece = random.choice(([], [value[at]] * 2, [edited(random, value[at], depth + 1)]))
        return value[:at] + piece + value[at + 1 :]
    near = (value + random.choice((-1, 1)), -value) if type(value) in (int, float) else ()
    deep: Any = value
    for _ in range(random.choice((1, 50))):
        deep = [deep]
    return random.choice((*near, random.choice(NUMBERS), random.choice(OTHERS), random.choice(WORDS), deep))


def change_array(random: Random, parts: Parts) -> None:
    """Say something else of an array."""
    name = random.choice(list(parts[0]) or [""])
    parts[0][name] = edited(random, parts[0].get(name, {}))


def in_order(described: dict[str, Any]) -> bool:
    """Tell whether what is said of the arrays is still as it is written."""
    return all(
        isinstance(one, dict)
        and isinstance(one.get("shape"), list)
        and isinstance(offsets := one.get("data_offsets"), list)
        and [type(k) for k in offsets] == [int, int]
        for one in described.values()
    )


def change_layout(random: Random, parts: Parts) -> None:
    """Remove, rename, reshape or add an array, so that the header is right."""
    described, _, data = parts
    if not described or not in_order(described):
        return
    arrays = {name: (dict(one), data[slice(*one["data_offsets"])]) for name, one in described.items()}
    name, action = random.choice(list(arrays)), random.randrange(5)
    one, content = arrays[name]
    if action == 0:
        del arrays[name]
    elif action == 1:
        another = random.choice(("vocabulary", "training.x", "head.V", "layers.9.U", name + "s"))
        arrays[another] = arrays.pop(name)
    elif action == 2:
        one["shape"] = random.choice((one["shape"][::-1], [*one["shape"], 1], [1, *one["shape"]], []))
    elif action == 3:
        one["dtype"] = random.choice(CODES)
    else:
        arrays["training." + random.choice(("x", "best", "hidden.7.h"))] = dict(one), content
    described.clear(), data.clear()
    for key, (each, piece) in arrays.items():
        described[key] = each | {"data_offsets": [len(data), len(data) + len(piece)]}
        data += piece


def change_text(random: Random, parts: Parts) -> None:
    """Change one of the texts of JSON in the metadata, keeping the one form that is written."""
    name = random.choice(list(parts[1]) or ["spec"])
    try:
        value = json.loads(parts[1].get(name, "{}"))
    except (ValueError, RecursionError):  # it was cut, or made deep, before
        value = {}
    changed = edited(random, value)
    parts[1][name] = json.dumps(changed, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def change_string(random: Random, parts: Parts) -> None:
    """Change a string of the metadata by its letters, drop it, or add one."""
    name = random.choice(list(parts[1]) or ["spec"])
    text = bytearray(parts[1].pop(name, "").encode("utf-8", "surrogatepass"))
    if random.random() < 0.8:
        splice(random, text, [bytes(text)])
        parts[1][random.choice((name, name, name, "more"))] = text.decode("utf-8", "replace")


def change_data(random: Random, parts: Parts) -> None:
    """Change bytes of the data, those of the vocabulary first; the size stays."""
    described, _, data = parts
    begin, end = 0, len(data)
    if in_order(described) and "vocabulary" in described and random.random() < 0.7:
        begin, end = described["vocabulary"]["data_offsets"]
    if random.random() < 0.1:  # NaN and infinity, as far as these are floats there
        data[begin : begin + 8] = random.choice((b"\xff\xff\xff\x7f", b"\0\0\x80\xff")) * 2
    for _ in range(random.choice((1, 1, 4))):
        if 0 <= begin < end <= len(data):
            data[random.randrange(begin, end)] = random.choice((random.randrange(256), *b'",[]{}\\0'))


CHANGES: tuple[Callable[[Random, Parts], None], ...] = (
    change_array,
    change_layout,
    change_layout,
    change_text,
    change_text,
    change_text,
    change_string,
    change_data,
    change_data,
)
