"""The network's doors: what does not fit together is refused: pairs, lists, resets, weights, directions."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

from elman import Batch, DataError, OptionError, ShapeError, bptt
from test_network_refusals import ZEROS, X, refusal, small, zeros


def test_windows_are_for_outputs_at_every_step_read_forward() -> None:
    for network in (small(bidirectional=True), small(readout="mean")):
        for method in (bptt.truncated, bptt.checkpointed):
            message = refusal(lambda n=network, m=method: m(n, Batch(X, ZEROS), window=9), OptionError)
            assert message == (
                "time is cut into windows where each step has its output and is read forward; use bptt.full"
            )


PAIR = (zeros(5, 6).astype(int), zeros(5, 6, 2))
PAIRS: dict[str, tuple[object, str]] = {
    "symbols alone": (PAIR[0], "x must be a pair (symbols, features): feature_size is 2"),
    "nothing": ((), "x must be a pair (symbols, features): feature_size is 2"),
    "three": ((*PAIR, PAIR[1]), "x must be a pair (symbols, features): feature_size is 2"),
    "the other way round": (
        PAIR[::-1],
        "the symbols of x is an array of float64; expected integers (symbols)",
    ),
    "another number of steps": (
        (PAIR[0], zeros(4, 6, 2)),
        "x is a pair of symbols (5, 6), features float64 (4, 6, 2); expected floats, 2 for each symbol",
    ),
    "another number of rows": (
        (PAIR[0], zeros(5, 5, 2)),
        "x is a pair of symbols (5, 6), features float64 (5, 5, 2); expected floats, 2 for each symbol",
    ),
    "whole numbers for features": (
        (PAIR[0], zeros(5, 6, 2).astype(int)),
        "x is a pair of symbols (5, 6), features int64 (5, 6, 2); expected floats, 2 for each symbol",
    ),
    "another width": (
        (PAIR[0], zeros(5, 6, 3)),
        "x has shape (5, 6, 3), I = 3; expected I = 2. "
        "The first layer reads 2 features. Is the batch axis first?",
    ),
    "no such symbol": (
        (PAIR[0] + 3, PAIR[1]),
        "the symbols of x holds the symbol 3; symbols run from 0 to 2",
    ),
}


@pytest.mark.parametrize(("x", "message"), PAIRS.values(), ids=PAIRS)
def test_pairs_that_do_not_fit(x: object, message: str) -> None:
    assert refusal(lambda: small(feature_size=2).run(x)) == message
    assert refusal(lambda: small(feature_size=2, embedding_size=5).run(x)) == message


def test_a_pair_is_for_networks_that_read_one() -> None:
    message = refusal(lambda: small().run(PAIR))
    assert message == "x is a pair; this network reads one array (feature_size is 0)"


def test_an_embedding_reads_symbols() -> None:
    message = refusal(lambda: small(embedding_size=5).run(X))
    assert message == "x holds floats; this network reads symbols (integers) through its embedding"


RESETS: dict[str, tuple[object, str]] = {
    "numbers": (zeros(5, 6), "reset is an array of float64; expected booleans"),
    "zeros and ones": (ZEROS, "reset is an array of int64; expected booleans"),
    "rows alone": (np.zeros(6, bool), "reset has 1 axis, shape (6,); expected (T=5 B=6). x is T=5 B=6."),
    "the batch first": (
        np.zeros((6, 5), bool),
        "reset has shape (6, 5), T = 6, B = 5; expected T = 5, B = 6. x is T=5 B=6.",
    ),
}


@pytest.mark.parametrize(("reset", "message"), RESETS.values(), ids=RESETS)
def test_resets_that_do_not_fit(reset: object, message: str) -> None:
    assert refusal(lambda: small().run(X, reset=reset)) == message  # type: ignore[arg-type]


TWO = [zeros(5, 3), zeros(2, 3)]
LISTS: dict[str, tuple[Callable[[], object], str]] = {
    "with lengths": (lambda: small().run(TWO, lengths=[5, 2]), "leave out lengths"),
    "with resets": (lambda: small().run(TWO, reset=np.zeros((5, 2), bool)), "leave out lengths and reset"),
    "of two widths": (lambda: small().run([zeros(5, 3), zeros(2, 4)]), "sequence 1 is float64 (2, 4)"),
    "of two kinds": (lambda: small().run([zeros(5, 3), np.array([0, 1])]), "sequence 1 is int64 (2,)"),
    "of another width": (lambda: small().run([zeros(5, 4), zeros(2, 4)]), "I = 4; expected I = 3"),
    "of batches": (lambda: small().run([X, X]), "sequence 0 is float64 (5, 6, 3)"),
    "of lists": (lambda: small().run([[0, 1], [2]]), "unequal"),
    "of nothing": (lambda: small().run([]), "x "),
}


@pytest.mark.parametrize(("act", "words"), LISTS.values(), ids=LISTS)
def test_lists_that_do_not_fit(act: Callable[[], object], words: str) -> None:
    with pytest.raises((ShapeError, DataError), match=re.escape(words)):
        act()


def test_weights_are_one_for_each_target() -> None:
    message = refusal(lambda: bptt.full(small(), Batch(X, ZEROS, weights=np.ones(6))))
    assert message == "weights have shape (6,); expected (5, 6), one for each target"
    mean = small(readout="mean")
    message = refusal(lambda: bptt.full(mean, Batch(X, ZEROS[0], weights=np.ones((5, 6)), per_sequence=True)))
    assert message == "weights have shape (5, 6); expected (6,), one for each target"


@pytest.mark.parametrize("weight", [np.nan, np.inf, -1.0])
def test_weights_are_numbers_from_zero_on(weight: float) -> None:
    weights = np.ones((5, 6))
    weights[3, 2] = weight
    with pytest.raises((ShapeError, DataError), match="weights"):
        bptt.full(small(), Batch(X, ZEROS, weights=weights))


def test_flattened_sequences_have_all_their_steps() -> None:
    network = small(readout="flatten", steps=5)
    assert "reads 5" in refusal(lambda: network.run(X[:4]))
    assert "row 1 has 3 steps" in refusal(lambda: network.run(X, lengths=[5, 3, 5, 5, 5, 5]))


@pytest.mark.parametrize("option", [{"bidirectional": True}, {"readout": "mean"}], ids=str)
def test_what_reads_the_whole_sequence_has_no_steps(option: dict[str, object]) -> None:
    message = refusal(lambda: small(**option).step(X[0]), OptionError)
    assert message.startswith("no single steps: ")
    assert message.endswith(" reads the whole sequence; use run")


def test_states_of_both_directions() -> None:
    network = small(bidirectional=True)
    assert refusal(lambda: network.run(X, network.init_state(6)[:2])) == (
        "state must be a tuple with one entry for each of the 2 layers and 2 directions, 4 in all"
    )
    wrong = (*network.init_state(6)[:3], network.init_state(5)[3])
    assert refusal(lambda: network.run(X, wrong)).startswith("state h of layer 1, backward has shape (5, 4);")
