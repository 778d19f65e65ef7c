"""Model files by a fuzzer that sees which lines of the reader run (atheris): nox -s fuzz_files starts it.

    python fuzz_files.py SEEDS FINDS SECONDS SEED     SEEDS has good files; a find is written to FINDS

What a file does is tried as in tests/promises/loading_mutants.py. libFuzzer makes mutants from bytes, or they
are made by structure; nine of ten get the digest that is right, so that they are read to the end.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path
from random import Random

import atheris

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "promises")]

with atheris.instrument_imports(include=["elman"], enable_loader_override=False):
    import elman.cli.common
    import elman.cli.tabular
    import elman.data.preparation
    import elman.data.vocabulary
    import elman.files
    import elman.persistence  # noqa: F401
    from loading_mutants import outcome

from file_cases import SEAL, sealed  # noqa: E402
from file_mutants import mutant  # noqa: E402

DIGEST = re.compile(rb'(?<="sha256":")[0-9a-f]{64}(?=")')
MOST_BYTES, MOST_SECONDS = 1 << 16, 5  # of a file, and that one may take here, where every line is counted

path = os.path.join(tempfile.mkdtemp(dir="/dev/shm"), "mutant")


def resealed(raw: bytes) -> bytes:
    """Return a file with the length of its header and its digest put right."""
    end = min(8 + int.from_bytes(raw[:8], "little"), len(raw))
    return sealed(DIGEST.sub(SEAL, raw[8:end], count=1), raw[end:])


def changed(raw: bytes, most: int, seed: int) -> bytes:
    """Return a mutant of a file, as libFuzzer asks for one."""
    random = Random(seed)
    if random.random() < 0.5:
        try:
            return mutant(random, [raw])[:most]
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
            pass  # so far from a model that it has no structure
    other = atheris.Mutate(raw, most)
    return resealed(other)[:most] if random.random() < 0.9 else other


def one(raw: bytes) -> None:
    """Try a file; what is no refusal goes through, and ends the program."""
    with open(path, "wb") as file:
        file.write(raw)
    outcome(path)


def main(seeds: str, finds: str, seconds: str, seed: str) -> None:
    """Fuzz; libFuzzer tells on standard error what it did, and ends the program."""
    options = {
        "max_total_time": seconds,
        "seed": seed,
        "max_len": MOST_BYTES,
        "timeout": MOST_SECONDS,
        "artifact_prefix": finds + os.sep,
        "print_final_stats": 1,
    }
    given = [f"-{name}={value}" for name, value in options.items()]
    atheris.Setup([sys.argv[0], *given, seeds], one, custom_mutator=changed)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
