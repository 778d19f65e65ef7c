"""Evaluation: numbers known by hand, and the same numbers however a text is cut."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from elman import Batch, Network, evaluation, heads, outputs
from elman.data import Vocabulary, whole
from elman.errors import DataError, NumericError, OptionError, ShapeError
from elman.evaluation import Evaluation, LineScore, evaluate, score_lines

V = 5


def network(size: int = V, **options: object) -> Network:
    options = {"hidden_size": 4, "dtype": "float64", "num_layers": 2, **options}
    return Network(input_size=size, output_size=size, seed=3, **options)


def constant(logits: np.ndarray) -> Network:
    """A network that predicts the same whatever it reads."""
    same = network(len(logits))
    same.parameters.flat[:] = 0
    same.parameters["head.c"][:] = logits
    return same


def text(length: int, size: int = V, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(size, size=length).astype(np.uint8)


def long_run(one: Network, symbols: np.ndarray) -> np.ndarray:
    """Nats of every symbol but the first, in one run."""
    return heads.softmax.nats(one.run(symbols[:-1])[0], symbols[1:])


def peak(work: Callable[[], object]) -> int:
    work()  # what is made once and kept, such as the list of BLAS libraries, is no growth
    tracemalloc.start()
    work()
    size = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return size


# ------------------------------------------------------------------------------------------------ numbers


def test_a_network_that_knows_nothing_needs_log_v():
    result = evaluate(constant(np.zeros(V)), whole(text(100)))
    assert result.count == 99
    assert result.nats == pytest.approx(math.log(V), abs=1e-14)
    assert result.bits == pytest.approx(math.log2(V), abs=1e-14)
    assert result.perplexity == pytest.approx(V, abs=1e-13)


def test_nats_and_accuracy_by_hand():
    result = evaluate(
        constant(np.log([0.5, 0.25, 0.25])), [Batch(np.zeros((4, 1), int), np.array([[0], [1], [0], [2]]))]
    )
    assert result.nats == pytest.approx((2 * math.log(2) + 2 * math.log(4)) / 4, abs=1e-15)
    assert result.accuracy == 0.5


def test_perplexity_beyond_the_largest_number_is_infinite():
    assert Evaluation(count=1, nats=1e4, accuracy=0.0).perplexity == math.inf


# --------------------------------------------------------------------------------------- one text, many cuts


@pytest.mark.parametrize("streams", [1, 2, 3, 7, 50])
@pytest.mark.parametrize("length", [2, 3, 8, 40, 41])
@pytest.mark.parametrize("seq_length", [1, 4, 5, 1000])
def test_every_symbol_but_the_first_is_a_target_once(length, streams, seq_length):
    symbols = np.arange(length)
    rows: list[list[int]] = [[] for _ in range(streams)]
    for k, batch in enumerate(whole(symbols, streams=streams, seq_length=seq_length)):
        ends = np.full(streams, len(batch.x)) if batch.lengths is None else batch.lengths
        assert batch.fresh == (k == 0)
        assert len(batch.x) <= seq_length
        assert batch.count == ends.sum()
        for row, end, x, targets in zip(rows, ends, batch.x.T, batch.targets.T, strict=True):
            assert (targets[:end] == x[:end] + 1).all()
            row += targets[:end].tolist()
    assert [target for row in rows for target in row] == list(range(1, length))
    sizes = [len(row) for row in rows]
    assert max(sizes) - min(sizes) <= 1
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("seq_length", [1, 7, 64, 199, 200, 1024])
def test_one_stream_is_one_long_run(seq_length):
    one, symbols = network(), text(200)
    expected = long_run(one, symbols).mean()
    assert evaluate(one, whole(symbols, seq_length=seq_length)).nats == pytest.approx(expected, abs=1e-12)


def test_streams_are_parts_read_from_a_fresh_state():
    one, symbols = network(), text(11)
    parts = [symbols[:5], symbols[4:8], symbols[7:]]  # 10 targets: 4, 3 and 3; a part begins with its input
    expected = np.concatenate([long_run(one, part) for part in parts]).mean()
    assert evaluate(one, whole(symbols, streams=3, seq_length=2)).nats == pytest.approx(expected, abs=1e-12)
    assert evaluate(one, whole(symbols)).nats != pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("fresh", [True, False])
def test_the_state_flows_on_unless_a_batch_is_fresh(fresh):
    one, symbols = network(), text(21)
    parts = [symbols[:11], symbols[10:]]
    batches = [Batch(part[:-1, None], part[1:, None], fresh=fresh) for part in parts]
    expected = np.concatenate([long_run(one, part) for part in parts]) if fresh else long_run(one, symbols)
    assert evaluate(one, batches).nats == pytest.approx(expected.mean(), abs=1e-12)


def test_what_lies_in_padding_counts_for_nothing():
    one, symbols = network(), text(24).reshape(6, 4)
    lengths = np.array([2, 5, 0, 4])
    garbage = np.where(np.arange(6)[:, None] < lengths, symbols, 250)
    clean = evaluate(one, [Batch(symbols, symbols, lengths)])
    assert evaluate(one, [Batch(garbage, garbage, lengths)]) == clean
    rows = [(row[:n], one.run(row[:n])[0]) for row, n in zip(symbols.T, lengths, strict=True) if n]
    assert clean.nats == pytest.approx(
        sum(heads.softmax.nats(y, row).sum() for row, y in rows) / 11, abs=1e-12
    )
    assert clean.accuracy == sum((y.argmax(axis=1) == row).sum() for row, y in rows) / 11
    assert clean.count == 11


def test_a_sequence_without_a_batch_axis_and_dense_input_are_read():
    one, symbols = network(), text(9)
    with_axis = evaluate(one, [Batch(symbols[:-1, None], symbols[1:, None])])
    assert evaluate(one, [Batch(symbols[:-1], symbols[1:])]) == with_axis
    assert evaluate(one, [Batch(np.eye(V)[symbols[:-1]], symbols[1:])]).nats == pytest.approx(with_axis.nats)


# ------------------------------------------------------------------------------------------------- memory


def test_logits_are_held_in_windows_and_the_windows_do_not_show(monkeypatch):
    one, symbols = network(), text(300)
    expected = evaluate(one, whole(symbols, streams=4))
    monkeypatch.setattr(outputs, "BLOCK", 4 * V * 3)
    result = evaluate(one, whole(symbols, streams=4))
    assert result.nats == pytest.approx(expected.nats, abs=1e-12)
    assert (result.count, result.accuracy) == (expected.count, expected.accuracy)


def test_memory_does_not_grow_with_vocabulary_times_batch(monkeypatch):
    big = network(2000, hidden_size=2, num_layers=1, dtype="float32")
    monkeypatch.setattr(outputs, "BLOCK", 1 << 17)
    assert (
        peak(lambda: evaluate(big, whole(text(2001), streams=20))) < 4e6
    )  # all logits at once: 16 MB and more


def test_memory_does_not_grow_with_the_text():
    one, long = network(), text(300_000)
    short, all_of_it = (
        peak(lambda n=n: evaluate(one, whole(long[:n], streams=2))) for n in (30_000, 300_000)
    )
    assert all_of_it < 1.2 * short  # 1.04 to 1.07; ten times the text


def test_a_mapped_text_is_not_loaded(tmp_path):
    symbols = np.memmap(tmp_path / "text", np.uint8, mode="w+", shape=50_000_000)
    assert peak(lambda: next(whole(symbols, streams=8))) < 1e6


# ------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: whole(text(0)), DataError, "0 symbols"),
        (lambda: whole(text(1)), DataError, "1 symbol"),
        (lambda: whole(text(9), streams=0), OptionError, "streams is 0"),
        (lambda: whole(text(9), seq_length=-1), OptionError, "seq_length is -1"),
        (lambda: whole(np.zeros(9)), ShapeError, "float64"),
        (lambda: whole(np.zeros((3, 3), int)), ShapeError, "one row"),
        (lambda: evaluate(network(), []), DataError, "nothing to evaluate"),
        (lambda: evaluate(network(), [Batch(text(3), text(2))]), ShapeError, "one target a step"),
        (lambda: evaluate(network(), [Batch(text(3), text(3) + V)]), ShapeError, "targets holds the symbol"),
        (lambda: score_lines(network(), LINES, [], carry=False), OptionError, "take the model's own"),
        (lambda: score_lines(network(4), NO_END, [], carry=True), OptionError, "no line end"),
        (
            lambda: score_lines(network(6), LINES, [], carry=False, batch_size=0),
            OptionError,
            "batch_size is 0",
        ),
    ],
)
def test_what_cannot_be_evaluated_is_refused_at_once(make, error, words):
    with pytest.raises(error, match=words):
        make()


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e308])
def test_a_loss_that_is_not_finite_is_an_error(value):
    bad = network()
    bad.parameters["head.c"][:2] = value, -value
    with pytest.raises(NumericError, match="loss is not finite"):
        evaluate(bad, whole(text(50)))


# --------------------------------------------------------------------------------------------------- lines

LINES = Vocabulary("chars", ("<unk>", "\n", "a", "b", "c", " "))
WORDS = Vocabulary("words", ("<unk>", "\n", "a", "bb", "c", "d"))
BYTES = Vocabulary("bytes", ())
NO_END = Vocabulary("chars", ("<unk>", "a", "b", "c"))
LOG = ["abc", "", "a b c a b c", "c", "b" * 40, "", "ab?d", "cab"]


def bits_of(one: Network, symbols: np.ndarray) -> float:
    return float(long_run(one, symbols).sum()) / math.log(2)


@pytest.mark.parametrize("vocabulary", [LINES, WORDS, BYTES], ids=lambda v: v.kind)
@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_each_line_alone_from_line_end_to_line_end(vocabulary, batch_size):
    one = network(vocabulary.size)
    scores = list(score_lines(one, vocabulary, LOG, carry=False, batch_size=batch_size))
    coded = [vocabulary.encode(f"\n{line}\n") for line in LOG]
    assert [score.count for score in scores] == [len(symbols) - 1 for symbols in coded]
    assert [score.bits for score in scores] == pytest.approx([bits_of(one, s) for s in coded], abs=1e-11)


@pytest.mark.parametrize("vocabulary", [LINES, WORDS, BYTES], ids=lambda v: v.kind)
def test_lines_with_carried_state_are_one_text(vocabulary):
    one = network(vocabulary.size)
    nats = long_run(one, vocabulary.encode("\n" + "\n".join(LOG) + "\n"))
    scores = list(score_lines(one, vocabulary, LOG, carry=True))
    ends = np.cumsum([score.count for score in scores])
    assert ends[-1] == len(nats)
    expected = [part.sum() / math.log(2) for part in np.split(nats, ends[:-1])]
    assert [score.bits for score in scores] == pytest.approx(expected, abs=1e-11)


@pytest.mark.parametrize("carry", [True, False])
def test_a_line_may_bring_its_line_end(carry):
    one = network(6)
    with_ends = score_lines(one, LINES, [line + "\n" for line in LOG], carry=carry)
    assert list(with_ends) == list(score_lines(one, LINES, LOG, carry=carry))


@pytest.mark.parametrize("carry", [True, False])
def test_lines_longer_than_a_window(carry):
    one, long = network(6), "abc a" * 500
    first, second = score_lines(one, LINES, [long, "b"], carry=carry)
    assert first == LineScore(pytest.approx(bits_of(one, LINES.encode(f"\n{long}\n")), abs=1e-9), 2501)
    assert second.count == 2


@pytest.mark.parametrize("carry", [True, False])
def test_windows_of_lines_do_not_show(monkeypatch, carry):
    one = network(6)
    expected = list(score_lines(one, LINES, LOG, carry=carry))
    monkeypatch.setattr(outputs, "BLOCK", 4 * len(LOG) * 3)
    assert [score.bits for score in score_lines(one, LINES, LOG, carry=carry)] == pytest.approx(
        [score.bits for score in expected], abs=1e-11
    )


@pytest.mark.parametrize(("carry", "batch_size"), [(True, 64), (False, 1)])
def test_a_score_comes_as_soon_as_its_line_is_there(carry, batch_size):
    read: list[str] = []

    def live() -> Iterator[str]:
        for line in LOG:
            read.append(line)
            yield line

    scores = score_lines(network(6), LINES, live(), carry=carry, batch_size=batch_size)
    for count in range(1, 4):
        next(scores)
        assert len(read) == count


def test_a_long_line_is_encoded_in_pieces_that_do_not_show(monkeypatch):
    expected = list(score_lines(network(6), WORDS, ["a bb  c dd bb", ""], carry=False))
    monkeypatch.setattr(evaluation, "PIECE", 3)
    assert list(score_lines(network(6), WORDS, ["a bb  c dd bb", ""], carry=False)) == expected
    assert [score.count for score in expected] == [6, 1]


@pytest.mark.parametrize("carry", [True, False])
def test_a_line_whose_loss_is_not_finite_is_an_error(carry):
    bad = network(6)
    bad.parameters["head.c"][0] = np.nan
    with pytest.raises(NumericError, match="loss is not finite"):
        list(score_lines(bad, LINES, ["ab"], carry=carry))


def test_memory_does_not_grow_with_a_line():
    big = network(256, hidden_size=2, num_layers=1, dtype="float32")
    line = "abc " * 6_000
    assert peak(lambda: list(score_lines(big, BYTES, [line], carry=False))) < 8e6  # all logits at once: 24 MB
