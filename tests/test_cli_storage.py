"""`--weights` and `--calibrate` of `elman eval` and `sample`: what narrow weights cost, what they draw."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from cli_cases import elman, refused, rhyme, trained, trained_table, write
from elman import Model, Network, data, evaluation, load, sample
from elman.decoding import Beam, beam_search
from elman.quantization import STORAGES

FITTED = ("--weights", "int8", "--calibrate")


@pytest.fixture(scope="module")
def stream(tmp_path_factory) -> Path:
    """A model of characters in one stream, wide enough that roundings tell, and a text that is new to it."""
    model = trained(tmp_path_factory.mktemp("stream"), rhyme(), "--hidden-size", "24", "--cell", "gru")
    write(model.parent / "other.txt", rhyme(1500)[700:])
    return model


@pytest.fixture(scope="module")
def of_lines(tmp_path_factory) -> Path:
    """A model of lines, likewise."""
    words = "red\nhen\nten\nnet\nend\n"
    options = ("--lines", "--hidden-size", "24")
    model = trained(tmp_path_factory.mktemp("lines"), words * 20, *options)
    write(model.parent / "other.txt", words[::-1].strip() * 3)
    return model


def loss(model: Model, network: Network, file: Path) -> float:
    """The loss of a network on a file that is read as the model reads it."""
    lines = model.record["lines"]
    symbols = data.read_corpus(file, vocabulary=model.vocabulary, lines=lines).symbols
    if lines:
        batches = data.Lines(symbols, model.vocabulary.line_end, batch_size=64, seq_length=64).once()
    else:
        batches = data.whole(symbols)
    return evaluation.evaluate(network, batches).loss


def choices(model: Model, file: Path) -> dict[tuple[str, ...], dict[str, Any]]:
    """Options, and what they say to `Network.narrowed`."""
    symbols = data.read_corpus(file, vocabulary=model.vocabulary, lines=model.record["lines"]).symbols
    return {
        **{("--weights", weights): {"weights": weights} for weights in STORAGES},
        (*FITTED, str(file)): {"weights": "int8", "calibrate": symbols},
    }


@pytest.mark.parametrize("kind", ["stream", "of_lines"])
def test_eval_tells_what_narrow_weights_cost(kind, request):
    path = request.getfixturevalue(kind)
    text, other, model = path.parent / "text.txt", path.parent / "other.txt", load(path)
    own = loss(model, model.network, other)
    plain, losses = elman("eval", path, other).out.splitlines(), {own}
    for options, stored in choices(model, text).items():
        *figures, last = elman("eval", path, other, *options).out.splitlines()
        narrow = loss(model, model.network.narrowed(**stored), other)
        fitted = ""
        if "calibrate" in stored:
            fitted = f", calibrated on {len(stored['calibrate']):,} symbols of {text}"
        assert last == f"{options[1]} weights{fitted}: a loss of {narrow:.5f}; the model's own have {own:.5f}"
        assert figures[0] == f"{narrow:.3f} nats"
        assert figures[4:] == plain[4:]
        losses.add(narrow)
    assert len(losses) == 4


def test_a_part_is_judged_by_both_and_so_is_a_pipe(stream, tmp_path):
    text = (stream.parent / "other.txt").read_text()
    tail = write(tmp_path / "tail.txt", text[len(text) // 2 :])
    part = elman("eval", stream, stream.parent / "other.txt", "--val-frac", "0.5", "--weights", "int8")
    piped = elman("eval", stream, "-", "--weights", "int8", stdin=tail.read_bytes())
    alone = elman("eval", stream, tail, "--weights", "int8").out
    assert part.out.splitlines()[-1] == piped.out.splitlines()[-1] == alone.splitlines()[-1]


def test_eval_of_a_table_tells_it_too(tmp_path):
    path, table, _ = trained_table(tmp_path, "series")
    *figures, last = elman("eval", path, table, "--weights", "int8").out.splitlines()
    assert len(figures) == len(elman("eval", path, table).out.splitlines())
    assert re.fullmatch(r"int8 weights: a loss of (\d\.\d{5}); the model's own have (?!\1)\d\.\d{5}", last)
    line = refused(elman("eval", path, table, *FITTED, table), 2)
    assert line.endswith("is a model of a table: leave out --calibrate, a text")


@pytest.mark.parametrize("kind", ["stream", "of_lines"])
def test_sample_draws_from_narrow_weights(kind, request):
    path = request.getfixturevalue(kind)
    model = load(path)
    lines, vocabulary = model.record["lines"], model.vocabulary
    texts = {elman("sample", path, "-n", "3000", "--prime", "red").out}
    for options, stored in choices(model, path.parent / "text.txt").items():
        out = elman("sample", path, "-n", "3000", "--prime", "red", *options).out
        text = sample(model.network, vocabulary, "red", length=3000, lines=lines, **stored)
        assert out == f"red{text}\n"
        texts.add(out)
    assert len(texts) == 4


def test_a_beam_searches_with_narrow_weights(stream, monkeypatch):
    model, searched = load(stream), []

    def watched(network: Network, *given: Any, **options: Any) -> list[Beam]:
        searched.append(network.parameters.flat.tobytes())
        return beam_search(network, *given, **options)

    monkeypatch.setattr("elman.cli.sample.beam_search", watched)
    stored = choices(model, stream.parent / "text.txt")
    for options in ((), *stored):
        assert elman("sample", stream, "-n", "9", "--beam", "2", *options).code == 0
    networks = [model.network, *(model.network.narrowed(**each) for each in stored.values())]
    assert searched == [network.parameters.flat.tobytes() for network in networks]


@pytest.mark.parametrize("command", ["eval", "sample"])
def test_what_cannot_be_stored_so_is_refused(command, stream, tmp_path):
    file = [stream.parent / "text.txt"] * (command == "eval")
    wide = trained(tmp_path, rhyme(), "--dtype", "float64")
    empty = write(tmp_path / "empty.txt", "")
    for model, given, words in (
        (stream, ("--weights", "int4"), "'int4' is not one of 'float32', 'bfloat16', 'int8'"),
        (stream, ("--calibrate", empty), "--calibrate is what int8 is fitted to"),
        (stream, ("--weights", "bfloat16", "--calibrate", empty), "or say --weights int8"),
        (stream, (*FITTED, empty), "empty.txt is empty"),
        (stream, (*FITTED, tmp_path / "none"), "none: there is no such file"),
        (wide, ("--weights", "int8"), "this one is float64: leave --weights out"),
    ):
        done = elman(command, model, *file, *given)
        assert words in refused(done, 2)
        assert done.out == ""
