"""A text read once in pieces gives the batches' figures of the text at hand, wherever it is cut."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli_cases import elman, rhyme, trained, write
from elman import Network, evaluate, whole
from elman.data import Lines, Vocabulary, opened_symbols, stream, stream_lines

NETWORK = Network(input_size=4, hidden_size=5, output_size=4, dtype="float64", seed=3)
TEXTS = st.lists(st.integers(0, 3), min_size=2, max_size=40).map(np.array)
CUTS = st.lists(st.integers(0, 40), max_size=6).map(sorted)


def same(one: object, other: object) -> bool:
    return all(
        getattr(one, name) == pytest.approx(getattr(other, name), abs=1e-12)
        for name in ("count", "nats", "accuracy")
    )


@given(TEXTS, CUTS, st.integers(1, 9))
def test_a_stream_in_pieces_is_the_whole(text, cuts, seq_length):
    batches = list(stream(np.split(text, cuts), seq_length=seq_length))
    assert [batch.fresh for batch in batches] == [True] + [False] * (len(batches) - 1)
    assert np.concatenate([batch.targets for batch in batches])[:, 0].tolist() == text[1:].tolist()
    assert same(evaluate(NETWORK, batches), evaluate(NETWORK, whole(text)))


@given(TEXTS.filter(np.any), CUTS)
def test_lines_in_pieces_are_the_lines(text, cuts):
    text = np.concatenate([[0], text, [0]])
    in_pieces = evaluate(NETWORK, stream_lines(np.split(text, cuts), end=0, batch_size=3, seq_length=4))
    assert same(in_pieces, evaluate(NETWORK, Lines(text, end=0, batch_size=3, seq_length=4).once()))


@pytest.mark.parametrize("pieces", [[], [np.array([], int)], [np.array([2])]])
def test_too_little_is_no_batch(pieces):
    assert list(stream(pieces)) == []
    assert list(stream_lines([np.array([0]), *pieces[:1], np.array([0])], end=0)) == [] or pieces[-1].size


def test_opened_symbols_are_read_again_from_the_start(tmp_path):
    file = write(tmp_path / "text.txt", "\ufeffab\r\nba")
    with opened_symbols(file, Vocabulary("chars", ("<unk>", "\n", "a", "b")), lines=True) as read:
        for _ in range(2):
            assert np.concatenate(list(read())).tolist() == [1, 2, 3, 1, 3, 2, 1]


def test_eval_takes_the_end_of_a_text_as_train_does(tmp_path):
    text = rhyme(501)
    model = trained(tmp_path, text)
    cut = int((1 - 0.3) * 501)
    end = write(tmp_path / "end.txt", text[cut:])
    part = elman("eval", model, write(tmp_path / "all.txt", text), "--val-frac", "0.3").out
    assert part.splitlines()[:5] == elman("eval", model, end).out.splitlines()[:5]
    assert (
        elman("eval", model, "-", "--val-frac", "0.3", stdin=text.encode()).out.splitlines()[:5]
        == (part.splitlines()[:5])
    )


STATUS = Path("/proc/self/status")
PEAK = r"""
import re, sys
from pathlib import Path
import elman.cli.eval as command
from elman import evaluation
from elman.cli import main
# The reading is measured, not the network.
command.evaluate = lambda network, batches: evaluation.Evaluation(sum(b.count for b in batches), 1.0, 0.5)
try:
    main()
finally:
    print(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.skipif(not STATUS.exists(), reason="2026-11-22: Linux tells the peak of a program")
@pytest.mark.parametrize("lines", [False, True])
def test_eval_takes_no_more_memory_for_a_longer_text(tmp_path, lines):
    model = trained(tmp_path, rhyme(), *["--lines"] * lines)

    def peak(megabytes: int) -> float:
        file = write(tmp_path / "text.txt", rhyme(1 << 20) * megabytes)
        told = subprocess.check_output([sys.executable, "-c", PEAK, "eval", model, file], encoding="utf-8")
        return int(told.split()[-1]) / 1024

    assert peak(24) < peak(3) + 4
