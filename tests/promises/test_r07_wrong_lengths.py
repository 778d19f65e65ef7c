"""R7: any truncation of a model file, and any byte appended to it, is noticed, and at once."""

from __future__ import annotations

import os
import time

from elman import FormatError, load, save
from persistence_cases import CHARS, RECORD, small, trained

LONGEST = 0.005  # seconds


def seconds_to_refuse(path):
    """Return how long a refusal takes: the processor's time, the best of three when it seems long."""
    best = float("inf")
    for _ in range(3):
        begin = time.process_time()
        try:
            load(path)
        except FormatError as error:
            best = min(best, time.process_time() - begin)
            assert str(error).startswith(f"{path}: ")  # noqa: PT017
        else:
            return float("inf")
        if best < LONGEST:
            break
    return best


def test_every_length_but_the_right_one_is_refused_in_5_ms(tmp_path, kept):
    path, network = tmp_path / "model", small(hidden_size=9)
    save(path, network, CHARS, RECORD, trained(network))
    raw = path.read_bytes()
    assert 4000 < len(raw) < 8000
    load(path)
    slowest = 0.0
    for extra in (b"\0", b" ", raw[:4096], bytes(4096)):
        path.write_bytes(raw + extra)
        slowest = max(slowest, seconds_to_refuse(path))
    path.write_bytes(raw)
    for length in reversed(range(len(raw))):
        os.truncate(path, length)
        slowest = max(slowest, seconds_to_refuse(path))
    assert slowest < LONGEST
    kept("R7", f"{len(raw):,} lengths and 4 additions refused, the slowest in {1e3 * slowest:.1f} ms")


def test_the_right_length_is_not_refused(tmp_path):
    """The teeth of the test above: a file that loads is told from one that is refused."""
    save(tmp_path / "model", small())
    assert seconds_to_refuse(tmp_path / "model") == float("inf")
