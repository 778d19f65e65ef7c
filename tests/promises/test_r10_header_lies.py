"""R10: lies in a file fail fast and small, as one type of error."""

from __future__ import annotations

import os
import time
import tracemalloc

import numpy as np
import pytest

from elman import FormatError, load
from elman.data.vocabulary import LARGEST_FORM
from elman.files import header as headers
from file_cases import lies, model_file, taken_apart

LONGEST, MOST = 0.05, 16 << 20  # seconds of the processor; bytes beyond what was there

# The lies that others fell for, each with the file that tells it.
TABLE = {
    "length 2^63": "header: length 2^63",
    "99 MB claimed": "header: length 99 MB",
    "overlap": "header: overlap",
    "hole": "header: hole",
    "zero-size overlap": "header: zero-size overlap",
    "duplicate name": "header: duplicate tensor",
    "duplicate name, escaped": "header: duplicate tensor, escaped",
    "duplicate metadata key": "header: duplicate metadata key",
    "duplicate metadata": "header: duplicate metadata",
    "negative dimension": "header: negative dimension",
    "negative offset": "header: negative offset",
    "product overflow": "header: product overflow",
    "product 2^64": "header: product 2^64",
    "0 x 2^62": "header: 0 x 2^62",
    "rank 65": "header: rank 65",
    "rank 10,000": "header: rank 10,000",
    "200,000 tensors": "header: 200,000 tensors",
    "1,025 tensors": "header: 1,025 tensors",
    "unknown dtype": "header: unknown dtype",
    "BF16": "header: BF16",
    "F4": "header: F4",
    "2 MB metadata": "header: 2 MB metadata",
    "metadata past 256 KiB": "header: metadata past its limit",
    "depth 100,000": "header: depth 100,000",
    "depth of objects": "model: the record, depth of objects",
    "bad UTF-8": "header: bad UTF-8",
    "overlong UTF-8": "header: overlong UTF-8",
    "half a surrogate pair": "header: half a surrogate pair",
    "NaN": "header: NaN",
    "1e999": "header: 1e999",
    "a 5,000-digit integer": "header: 5,000 digits",
    "a 1,000,000-digit integer": "header: 1,000,000 digits",
    "missing tensor": "model: no array",
    "extra tensor": "model: one more array",
    "transposed tensor": "model: an array transposed",
    "hidden size that disagrees": "model: hidden_size 5",
    "hidden size of 10^18": "model: hidden_size 1000000000000000000",
    "input size that disagrees": "model: input_size 5",
    "layers that are not there": "model: num_layers 100000",
    "vocabulary of another size": "model: a larger vocabulary",
    "duplicate token": "model: a symbol twice",
    "checksum of another file": "header: digest of another file",
}
LARGE = ("60 MB metadata", "a vocabulary past 64 MiB", "8 GB of arrays of another network")


def large(name, path):
    """Write a file of which most is a hole: its size on the disk is small."""
    if name == "60 MB metadata":
        path.write_bytes((60_000_000).to_bytes(8, "little") + b'{"__metadata__":{"a":"')
        os.truncate(path, 60_000_008)
        return
    _, metadata, _ = taken_apart(model_file(path).read_bytes())
    sizes = {"a vocabulary past 64 MiB": LARGEST_FORM + 1, "8 GB of arrays of another network": 1 << 33}
    kind, one = ("vocabulary", np.uint8(0)) if "vocabulary" in name else ("head.V", np.float32(0))
    array = np.broadcast_to(one, sizes[name] // one.itemsize)
    del metadata["sha256"]
    raw = headers.encode({kind: array}, metadata)
    path.write_bytes(len(raw).to_bytes(8, "little") + raw)
    os.truncate(path, 8 + len(raw) + array.nbytes)


def refusal(path):
    with pytest.raises(FormatError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert str(caught.value).isprintable()


def seconds(path):
    """Return how long a refusal takes, the best of three when it seems long."""
    best = float("inf")
    for _ in range(3):
        begin = time.process_time()
        refusal(path)
        best = min(best, time.process_time() - begin)
        if best < LONGEST / 5:
            break
    return best


def memory(path):
    tracemalloc.start()
    try:
        refusal(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_every_lie_of_the_table_fails_fast_and_small(tmp_path, kept):
    told = lies(tmp_path)
    assert [name for name, key in TABLE.items() if key not in told] == []
    path = tmp_path / "lie"
    load(model_file(path))
    costs = {}
    for name, raw in told.items():
        path.write_bytes(raw)
        costs[name] = seconds(path), memory(path)
    for name in LARGE:
        large(name, path)
        costs[name] = seconds(path), memory(path)
    slow = {name: cost for name, cost in costs.items() if cost[0] >= LONGEST or cost[1] >= MOST}
    assert slow == {}
    time_of_worst, bytes_of_worst = (max(cost[k] for cost in costs.values()) for k in (0, 1))
    said = f"{len(TABLE) + len(LARGE)} lies of the table and {len(costs) - len(TABLE) - len(LARGE)} more"
    kept("R10", f"{said}: at most {1e3 * time_of_worst:.0f} ms and {bytes_of_worst / 1e6:.1f} MB")
