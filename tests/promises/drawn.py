"""The tests whose cases are drawn from a seed: a plugin that leaves out all others, and a run over seeds.

python tests/promises/drawn.py 0 99     all of them with each of these seeds; 0: none failed
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

HERE = Path(__file__).parent
TESTS = HERE.parent
NUMERIC = (  # files; those of texts, tables and files draw cases, too, but compute nothing
    "native",
    *(f"test_{name}.py" for name in ("beam", "generation", "gradients", "heads", "metrics", "noise_masks")),
    *(f"test_{name}.py" for name in ("optimizers", "parameters", "scaling", "schedules", "streaming")),
    "test_preparation.py",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep what Hypothesis draws, and what asks for the seed of the run."""
    drawn = [item for item in items if _draws(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in drawn])
    items[:] = drawn


def _draws(item: pytest.Item) -> bool:
    names = getattr(item, "fixturenames", ())
    return "seed" in names or getattr(getattr(item, "obj", None), "is_hypothesis_test", False)


def run(seed: int, files: Iterable[Path], folder: Path = TESTS.parent) -> subprocess.CompletedProcess[str]:
    """Run the drawn tests of some files with one seed, and with no case that failed with another."""
    options = ("-p", "drawn", "-p", "no:cacheprovider", "--hypothesis-seed", str(seed))
    path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    with TemporaryDirectory() as found:
        return subprocess.run(
            [sys.executable, "-m", "pytest", *options, *map(str, files)],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": path, "HYPOTHESIS_STORAGE_DIRECTORY": found},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )


def main(arguments: Sequence[str]) -> int:
    """Try the seeds of the command line; tell each that fails, and what failed."""
    first, last = map(int, arguments)
    failed = 0
    for seed in range(first, last + 1):
        done = run(seed, [TESTS / name for name in NUMERIC])
        print(f"seed {seed}: {(done.stdout.splitlines() or ['nothing was said'])[-1]}", flush=True)
        if done.returncode:
            print(done.stdout, done.stderr, flush=True)
            failed += 1
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
