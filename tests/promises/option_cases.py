"""What the tests of options draw: values for each option of each command, and a folder to try them in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from cli_cases import (
    BROKEN,
    TINY,
    Done,
    elman,
    refused,
    rhyme,
    rides,
    speakers,
    surnames,
    trained,
    write,
)
from elman.cli.group import COMMANDS, find
from elman.cli.options import LARGEST
from elman.files import write_tensors
from elman.interop.torch.weights import weights
from elman.network import Network

PARAMS = {name: find(name).params for name in COMMANDS}

# Values by kind, and of options for which other ones say more: good ones first, none that takes seconds.
KINDS: dict[str, list[str]] = {
    "n": ["1", "2", "3", "7", "0", "-1", "1.5", "x", "", str(LARGEST), str(LARGEST + 1), "9" * 400],
    "n[,...]": ["1", "3,4", "3,4,5", "0", "3,", "x", "1000000000", "9" * 400],
    "x": ["0.1", "0.5", "0", "1", "-1", "1e-300", "1e300", "nan", "inf", "x", ""],
    "x,...": ["0.5", "0.1,0.9", "0.9,0.1", "1", "nan", "", ","],
    "size": ["1G", "900M", "3 GiB", "1", "-1", "x", "9" * 99],
    "text": ["", "x", "\udcff", "a b", "\n", "--", "ö", "rail", "text.txt"],
}
FILES = [
    "text.txt",
    "rides.csv",
    "speakers.csv",
    "surnames.csv",
    "none",
    ".",
    "-",
    "",
    "a\0b",
    "model",
    "empty",
]
COLUMNS = [
    "rail",
    "bus",
    "day",
    "number",
    "utterance",
    "f1",
    "odd",
    "speaker",
    "name",
    "language",
    "ral",
    "",
    "1",
]
MODELS = ["model", "table", "checkpoint", "text.txt", "none", ".", ""]
VALUES: dict[str, list[str]] = {
    **dict.fromkeys(("file", "valid", "calibrate"), FILES),
    **dict.fromkeys(("target", "input", "category", "ahead", "sequence", "text"), COLUMNS),
    **dict.fromkeys(("model", "init_from", "resume"), MODELS),
    "output": ["new", "none/new", ".", "", "text.txt", "a\0b"],
    "log": ["log.csv", "none/log.csv", ".", ""],
    "report": ["page.html", "none/page.html", ".", "", "text.txt", "new", "a\0b"],
    "config": ["run.toml", "none", "text.txt", "."],
    "hidden_size": ["1", "5", "3,4", "0", "3,", "1000000000", str(LARGEST), "9" * 400],
    "batch_size": ["1", "3", "0", "x", str(10**12), str(LARGEST)],
    "seq_length": ["1", "4", "0", "x", str(10**12), str(LARGEST)],
    "num_layers": ["1", "2", "3", "0", "250", "251"],
    "embedding_size": ["1", "5", "0", str(10**9), str(LARGEST)],
    "vocab_size": ["1", "256", "257", "300", "0", str(LARGEST)],
    "epochs": ["0.01", "1e-300", "0", "nan", "x"],
    "minutes": ["1e-9", "0", "nan", "x"],
    "steps": ["1", "2", "0", "x", "1.5", "9" * 400],
    "length": ["0", "1", "9", "-1", "x"],
    "beam": ["1", "3", "0", "x"],
    "prime": ["", "red", "xyz", "\udcff", "\n", "ö" * 500],
    "stop": ["", "r", "\n", "\udcff"],
}


class Room(NamedTuple):
    """The current folder, and what brings it back: only what is told may have been written over."""

    path: Path
    tidy: Callable[..., None]


@pytest.fixture
def room(tmp_path, monkeypatch) -> Room:
    """Texts, tables, models of both and a checkpoint."""
    monkeypatch.chdir(tmp_path)
    trained(tmp_path, rhyme()).rename("model")
    for make in (rides, speakers, surnames):
        make(tmp_path)
    table = ("rides.csv", "--target", "rail", "--window", "7", "--hidden-size", "3", "--steps", "1")
    assert elman("train", *table, "-o", "table").code == 0
    wild = ("--lr", "1e6", "--activation", "relu", "--grad-clip", "0", "--schedule", "constant")
    assert elman("train", "text.txt", "-o", "wild", *TINY, "--steps", "99", *wild).code == 4
    Path("wild.checkpoint").rename("checkpoint")
    Path("wild").unlink(missing_ok=True)
    write(Path("empty"), b"")
    write(Path("run.toml"), "lr = 0.1\n")
    network = Network("gru", input_size=3, hidden_size=4, output_size=3)
    write_tensors("tensors", weights(network), {})
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def tidy(told_to: str = "") -> None:
        left = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        for name in left.keys() - before.keys():
            Path(name).unlink()
        for name, raw in before.items():
            Path(name).write_bytes(raw)
        assert not [name for name in left if name.endswith(".elman-tmp")]
        assert {name for name, raw in before.items() if left.get(name) != raw} <= {told_to}

    return Room(tmp_path, tidy)


def check(done: Done, command: str) -> None:
    """A command did what it does, or one line says why it did not."""
    assert BROKEN not in done.err, done.err
    if done.code:
        assert done.code in (2, 3, 4, 5), done
        assert refused(done, done.code)
    elif command == "train" and "new, " in done.out:
        assert elman("info", "new").code == 0


def values_of(param: click.Parameter) -> list[str]:
    choices = getattr(param.type, "choices", None)
    kind = [*choices, "x", ""] if choices else KINDS.get(param.type.name, KINDS["text"])
    return VALUES.get(str(param.name), kind)


BASES: dict[str, list[list[str]]] = {
    "train": [
        ["text.txt", "--seq-length=4"],
        ["rides.csv", "--target=rail", "--window=7"],
        ["speakers.csv", "--target=speaker", "--sequence=utterance"],
        ["surnames.csv", "--target=language", "--text=name"],
    ],
    "eval": [["model", "text.txt"], ["table", "rides.csv"]],
    "predict": [["table", "rides.csv"]],
    "sample": [["model", "--length=5"]],
    "score": [["model", "text.txt"]],
    "inspect": [["model", "text.txt"], ["table", "rides.csv"], ["model", "text.txt", "--terminal"]],
    "export": [["model", "--to=c", "--output=new.c"], ["table", "--to=rtneural", "--output=new"]],
    "import": [["tensors", "--from=torch", "--output=new"]],
    "info": [["model"], ["table"], []],
}


def small(given: Iterable[str]) -> list[str]:
    """What keeps training short, beside the options that are given."""
    chosen, words = set(given), ["--batch-size=3"]
    if not chosen & {"epochs", "minutes", "resume"}:
        words.append("--steps=1")
    if not chosen & {"init_from", "resume", "hidden_size"}:
        words.append("--hidden-size=5")
    return [*words, "-o", "new"] if "resume" not in chosen else ["-o", "new"]
