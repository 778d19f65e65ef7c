"""R8: fuzzed model files do no harm: no crash, no hang, no memory, no error but those for files."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from cli_cases import SMALL, write_csv
from cli_cases import elman as run
from elman import Vocabulary, save
from file_cases import model_file
from persistence_cases import CHARS, WORDS, small

PROGRAM = Path(__file__).with_name("loading_mutants.py")
COVERING = Path(__file__).parents[1] / "slow/fuzz_files.py"
WORDS_OF_3 = Vocabulary("words", WORDS.symbols[:3])
PYTHON = (sys.executable, "-W", "ignore")  # that numbers overflow is no news here
MOST = 64 << 20  # bytes above the size of the largest file
PATHS = os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), *map(str, PROGRAM.parents[:2])])
ENVIRONMENT = os.environ | {"PYTHONPATH": PATHS, "OPENBLAS_NUM_THREADS": "1"}

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sizes of a process are read from /proc")


@pytest.fixture
def seeds(tmp_path):
    """A folder with a good file of every kind."""
    folder = tmp_path / "seeds"
    folder.mkdir()
    model_file(folder / "good0")
    save(folder / "good1", small(3, cell="lstm", num_layers=1), WORDS_OF_3, {"lines": True})
    save(folder / "good2", small(256, cell="gru", dtype="float64", num_layers=1), Vocabulary("bytes", ()))
    merged = Vocabulary("bpe", (), ((97, 98), (256, 99)))
    save(folder / "good3", small(merged.size, hidden_size=2, num_layers=1), merged)
    options = {"embedding_size": 2, "feature_size": 1, "bidirectional": True, "layer_norm": True}
    save(
        folder / "good4", small(4, learn_initial_state=True, readout="concat", zoneout=0.1, **options), CHARS
    )
    rows = ((k, round(float(np.sin(k)), 3), "ab"[k % 2]) for k in range(60))
    table = write_csv(tmp_path / "table.csv", ("time", "load", "kind"), rows)
    given = ("--target", "load", "--input", "time", "--category", "kind", "--input", "kind", "--window", "4")
    done = run("train", table, *given, *SMALL, "-o", folder / "good5")
    assert done.code == 0, done.err
    return folder


def fuzzed(folder, count, seed, workers):
    """Load so many mutants in child processes; return what came of them."""
    commands = [
        [*PYTHON, str(PROGRAM), str(folder), str(count // workers), str(seed + 10_000 * worker)]
        for worker in range(workers)
    ]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    running = [subprocess.Popen(command, env=ENVIRONMENT, **pipes) for command in commands]
    ended = [process.communicate() for process in running]
    assert [process.returncode for process in running] == [0] * workers, ended
    return [json.loads(out) for out, _ in ended]


def test_mutants_of_model_files_are_refused_and_do_no_harm(seeds, full, seed, kept):
    count, workers = (1_000_000, 2) if full else (10_000, 2)
    found = fuzzed(seeds, count, seed, workers)
    grown, largest = (max(one.pop(name) for one in found) for name in ("grown", "largest"))
    total = sum(map(Counter, found), Counter())
    assert total.total() == count
    assert total["FormatError"] > count // 2
    assert total["NumericError"] > 0
    assert count // 200 < total["loaded"] < count // 4  # changed weights and names are no damage
    assert grown <= MOST + largest
    assert sorted(file.name for file in seeds.iterdir()) == [f"good{k}" for k in range(6)]
    refused = f"{count - total['loaded']:,} refused, {total['loaded']:,} still models"
    kept("R8", f"{count:,} mutants, seed {seed}: {refused}; 0 crashes, 0 hangs, {grown / 1e6:.1f} MB more")


@pytest.mark.slow
def test_a_fuzzer_that_sees_what_runs_finds_nothing(seeds, tmp_path, seed, kept):
    """nox -s fuzz_files, which installs atheris, says for how many minutes."""
    minutes = os.environ.get("ELMAN_FUZZ_MINUTES")
    if minutes is None:
        pytest.skip("takes minutes: nox -s fuzz_files")
    pytest.importorskip("atheris")
    finds = tmp_path / "finds"
    finds.mkdir()
    command = [*PYTHON, str(COVERING), str(seeds), str(finds), str(round(60 * float(minutes))), str(seed)]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, (sorted(finds.iterdir()), done.stderr[-3000:])
    tried = int(re.search(r"Done (\d+) runs", done.stderr)[1])
    covered = int(re.findall(r"cov: (\d+)", done.stderr)[-1])
    assert covered > 300  # places of the reader; one that is not watched has a handful
    kept("R8", f"{tried:,} files of a coverage-guided fuzzer in {minutes} minutes: 0 crashes, 0 hangs")


PLANTED = {
    "a hang": ("while True: pass", -signal.SIGPROF),
    "a crash": ("os.kill(os.getpid(), signal.SIGSEGV)", -signal.SIGSEGV),
    "memory": ("kept.append(bytes([1]) * (200 << 20))", 1),
    "another error": ("raise IndexError('a list')", 1),
    "an error of two lines": ("raise loading_mutants.FormatError(f'{path}: one\\ntwo')", 1),
}
PLANT = """
import os, signal, sys
import loading_mutants

calls, kept, use = [], [], loading_mutants.use

def planted(path):
    calls.append(path)
    if len(calls) == 20:
        {fault}
    use(path)

loading_mutants.use = planted
loading_mutants.main(sys.argv[1], 100, 1)
"""


@pytest.mark.parametrize("fault", PLANTED)
def test_what_a_mutant_could_do_would_be_noticed(seeds, fault):
    """The teeth of the test above: a fault planted into the loading."""
    line, expected = PLANTED[fault]
    command = [sys.executable, "-c", PLANT.format(fault=line), str(seeds)]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, timeout=300)
    assert done.returncode == expected, done.stderr[-500:]
    assert len(list(seeds.glob("found*"))) == (expected == 1)
