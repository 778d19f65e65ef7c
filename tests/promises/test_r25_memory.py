"""R25: memory is estimated before it is taken, refused with the figure, and never more than there is."""

from __future__ import annotations

import gzip
import json
import re
import sys
from pathlib import Path

import pytest

from cli_cases import TINY, Done, elman, process, refused, rhyme, trained, write
from elman import load
from elman.cli import memory
from elman.cli.memory import Plan
from elman.data import available
from elman.spec import Spec
from streaming_cases import every_engine

MIB = 1 << 20
OFTEN = ("--steps", "2", "--validate-every", "1")
NEAR = 0.2  # of the measured peak

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc says how much memory a process took")

# --------------------------------------------------------------------------------- the estimate and the peak

CHILD = """
import json, re, sys
from elman.cli import main
from elman.cli.memory import Plan
from elman.data.available import resident
told, estimate = {}, Plan.estimate
def noting(plan):
    told["before"], told["added"] = resident(), estimate(plan)
    return told["added"]
Plan.estimate = noting
try:
    main()
finally:
    told["peak"] = int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) * 1024
    print(json.dumps(told), file=sys.stderr)
"""
WIDE = ("--batch-size", "2", "--seq-length", "8", "--val-frac", "0.02")
LONG = ("--seq-length", "32", "--val-frac", "0.05", "--batch-size", "1000")
WORDS = ("--vocab", "words", "--min-count", "1", "--batch-size", "8", "--val-frac", "0.01")
QUICK: list[tuple[str, ...]] = [
    ("--hidden-size", "1000", *WIDE),
    ("--hidden-size", "80", "--cell", "gru", *LONG),
    ("--hidden-size", "50", "--cell", "lstm", "--layer-norm", *LONG),
    ("--hidden-size", "64", "--embedding-size", "64", *WORDS),
]
CONFIGURATIONS = [
    *QUICK,
    ("--hidden-size", "1500", "--optimizer", "sgd", *WIDE),
    ("--hidden-size", "1500", "--optimizer", "rmsprop", *WIDE),
    ("--hidden-size", "1500", "--initialization", "uniform", *WIDE),
    ("--hidden-size", "900,1100", "--cell", "elman", *WIDE),
    ("--hidden-size", "1000", "--dtype", "float64", *WIDE),
    ("--hidden-size", "800", "--cell", "gru", *WIDE),
    ("--hidden-size", "700", "--cell", "lstm", "--optimizer", "adagrad", *WIDE),
    ("--hidden-size", "128", *LONG),
    ("--hidden-size", "60", "--cell", "lstm", *LONG),
    ("--hidden-size", "40", "--num-layers", "3", "--cell", "gru", *LONG),
    ("--hidden-size", "100", "--embedding-size", "100", *LONG),
    ("--hidden-size", "60", "--num-layers", "2", "--dropout", "0.2", "--output-dropout", "0.1", *LONG),
    ("--hidden-size", "60", "--cell", "lstm", "--zoneout", "0.1", *LONG),
    ("--hidden-size", "60", "--recurrent-dropout", "0.2", "--dtype", "float64", *LONG),
    ("--hidden-size", "24", *WORDS),
    ("--hidden-size", "32", "--embedding-size", "32", "--tied", *WORDS),
]


def text_for(folder: Path, options: tuple[str, ...]) -> Path:
    """A text with as many symbols or words as the options want."""
    if "words" in options:
        return write(folder / "words.txt", " ".join(f"w{k}" for k in range(30_000)) * 2)
    return write(folder / "text.txt", rhyme(600) * (60 if "1000" in options[-1:] else 4))


def ran(*arguments: str | Path) -> tuple[Done, dict[str, int]]:
    """Run a command in a process that tells its memory; a busy machine may take its time."""
    running = process(*arguments, program=("-c", CHILD))
    out, err = running.communicate(timeout=300)
    *lines, told = err.decode().splitlines()
    return Done(running.returncode, out.decode(), "\n".join(lines)), json.loads(told)


def pytest_generate_tests(metafunc):
    if "configuration" in metafunc.fixturenames:
        chosen = CONFIGURATIONS if metafunc.config.getoption("--full") else QUICK
        metafunc.parametrize("configuration", chosen, ids=" ".join)


@every_engine
def test_the_estimate_is_near_the_peak(tmp_path, configuration, engine, kept):
    arguments = ("train", text_for(tmp_path, configuration), "-o", tmp_path / "m", *OFTEN, "--engine", engine)
    done, told = ran(*arguments, *configuration)
    assert done.code == 0, done.err
    ratio = (told["before"] + told["added"]) / told["peak"]
    kept("R25", f"{engine}, peak of {told['peak'] / MIB:.0f} MiB: estimate {ratio - 1:+.0%}")
    assert told["peak"] > 1.8 * told["before"]  # else the estimate is not what is tried
    assert abs(ratio - 1) <= NEAR, told


def test_a_wrong_estimate_would_be_found():
    """Teeth: the optimizer's memory, or the tapes of a layer, forgotten."""
    spec = {"activation": "tanh", "dtype": "float32"}
    large = Spec("elman", input_size=10**5, hidden_size=64, output_size=10**5, num_layers=1, **spec)
    adam, sgd = (Plan(large, 8, 64, optimizer, threads=2) for optimizer in ("adam", "sgd"))
    assert adam.estimate() - sgd.estimate() == 2 * 4 * adam.size > NEAR * sgd.estimate()
    sizes = {"input_size": 12, "hidden_size": 64, "output_size": 12}
    one, two = (Plan(Spec("gru", num_layers=layers, **sizes, **spec), 1000, 64) for layers in (1, 2))
    assert two.estimate() - one.estimate() > NEAR * one.estimate()


# -------------------------------------------------------------------------------------------------- refusals


def peak() -> int:
    """The most memory that this process took; getrusage would count what started it, too."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024


def refused_early(done: Done, before: int) -> str:
    """See that a run was refused with a figure, and that nothing near it was taken."""
    line = refused(done, 5)
    assert "the run would take about" in line
    assert "iB are free" in line
    assert peak() - before < 64 * MIB
    return line


@pytest.mark.parametrize(
    "options",
    [
        ("--hidden-size", "1000000"),
        ("--hidden-size", "9223372036854775807"),
        ("--cell", "lstm", "--num-layers", "250", "--hidden-size", "20000"),
        ("--embedding-size", "100000000000"),
        ("--dtype", "float64", "--hidden-size", "300000", "--optimizer", "sgd"),
    ],
    ids=" ".join,
)
def test_what_no_machine_has_is_refused_before_it_is_taken(tmp_path, options):
    file, before = write(tmp_path / "text.txt", rhyme()), peak()
    done = elman("train", file, "-o", tmp_path / "m", "--batch-size", "2", "--seq-length", "4", *options)
    assert "parameters" in refused_early(done, before)


def test_a_run_from_a_model_is_refused_as_well(tmp_path, monkeypatch):
    model, needed = trained(tmp_path, rhyme()), []
    monkeypatch.setattr(memory.Plan, "estimate", lambda plan: needed.append(plan.size) or 1000)
    options = ("--init-from", model, "-o", tmp_path / "m", *TINY[2:], "--steps", "1")
    for free, code in ((1000, 0), (999, 5)):
        monkeypatch.setattr(memory, "available", lambda free=free: free)
        assert elman("train", tmp_path / "text.txt", *options).code == code
    assert needed == [len(load(model).network.parameters)] * 2


def test_large_batches_and_vocabularies_are_refused_before_they_are_taken(tmp_path, full):
    """A million rows; a million words, of which an output layer of 64 units is 80 MB, ten times over."""
    count = 1_000_000 if full else 100_000
    file, before = write(tmp_path / "text.txt", rhyme() * (count // 50)), peak()
    batch = (
        "--batch-size",
        str(count),
        "--seq-length",
        "8",
        "--hidden-size",
        "100000",
        "--memory-limit",
        "1G",
    )
    refused_early(elman("train", file, "-o", tmp_path / "m", *batch), before)
    words = 1_100_000 if full else 100_000
    file = write(tmp_path / "words.txt", " ".join(f"w{k}" for k in range(words)))
    options = ("--vocab", "words", "--min-count", "1", "--hidden-size", "64")
    limit = ("--memory-limit", "2G" if full else "300M")
    line = refused(ran("train", file, "-o", tmp_path / "m", *options, *limit)[0], 5)
    assert f"({words * 129 + 4354:,} parameters)".partition(",")[0] in line
    assert "are free within --memory-limit" in line


def test_a_limit_is_kept_and_not_too_soon(tmp_path, kept):
    """Run with what it took, and a quarter more; refused with a quarter less."""
    options = ("--hidden-size", "80", "--cell", "gru", *LONG, *OFTEN)
    arguments = ("train", text_for(tmp_path, options[:4] + LONG), "-o", tmp_path / "m", *options)
    taken = ran(*arguments)[1]["peak"]
    for share, code in ((1.25, 0), (0.75, 5)):
        limit = ("--memory-limit", str(int(share * taken)))
        done, told = ran(*arguments, *limit)
        assert done.code == code, done.err
        assert told["peak"] <= share * taken
    assert "within --memory-limit" in done.err
    kept("R25", "a limit of 125 % of the peak lets a run go, one of 75 % refuses it before it begins")


PACKED = gzip.compress(b"a,b\n" + b"1,2\n" * 4_000_000)  # 16 MB of rows in 16 kB


@pytest.mark.parametrize("kind", ["words", "a packed table"])
def test_what_does_not_fit_is_refused_while_it_is_read(tmp_path, kind, kept):
    if kind == "words":
        file = write(tmp_path / "words.txt", " ".join(f"w{k}" for k in range(1_500_000)))
        options: tuple[str, ...] = ("--vocab", "words")
    else:
        file, options = write(tmp_path / "bomb.csv.gz", PACKED), ("--target", "b")
    arguments = ("train", file, "-o", tmp_path / "m", *options, "--memory-limit", "90M")
    done, told = ran(*arguments)
    assert refused(done, 5).startswith(f"{file}: reading it takes more memory than there is")
    took = told["peak"]
    assert took < 90 * MIB + available.RESERVE
    kept("R25", f"{kind} that do not fit into 90 MiB: refused at {took / MIB:.0f} MiB")
