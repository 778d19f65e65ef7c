"""The matrix {cell} × {layers, direction} × {rows} × {input} × {options} × {start} × {readout} × {head}.

Every two choices meet in some row. There, forward is what the papers say, backward is its derivative.
What contradicts itself, or would change nothing, is refused.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from cases import TOLERANCE, random_case
from checks import differentiate_error, distance, gradient_error, worst
from elman import Network, OptionError
from elman.cells import CELLS
from elman.noise import Noise
from elman.spec import RATES, Spec
from matrix import CHOICES, Row, case_of, covering_rows, every_row
from plain import plain_error


@every_row()
def test_forward_is_what_the_papers_say(row: Row) -> None:
    assert plain_error(case_of(row)) < TOLERANCE.equations


@every_row()
def test_backward_is_the_derivative_of_forward(row: Row) -> None:
    assert gradient_error(case_of(row), along=2) < TOLERANCE.gradient


@every_row()
def test_differentiate_is_the_derivative_of_the_loss(row: Row) -> None:
    assert differentiate_error(case_of(row), along=2) < TOLERANCE.gradient


def test_every_choice_is_tried() -> None:
    rows = covering_rows()
    for kind, choices in CHOICES.items():
        assert {row[kind] for row in rows} == choices.keys()


@every_row()
def test_float32_follows_float64(row: Row) -> None:
    narrow = case_of(row, dtype="float32")
    spec = replace(narrow.network.spec, dtype="float64")
    wide = replace(narrow, network=Network.from_spec(spec, narrow.network.parameters.flat.astype("float64")))
    came, right = narrow.answers(), wide.answers()
    assert {a.dtype for a in came.values()} == {np.dtype("float32")}
    assert worst(came, right) < TOLERANCE.float32_gradient


# What a symbol is


@pytest.mark.parametrize("cell", CELLS, ids="-".join)
def test_a_symbol_beside_features_is_one_hot(cell: tuple[str, str]) -> None:
    case = random_case(cell, T=5, B=3, I=4, O=6, dense=False, feature_size=2, lengths=(2, 0, 5))
    symbols, features = case.x
    spec = replace(case.network.spec, input_size=6, feature_size=0)
    dense = Network.from_spec(spec, case.network.parameters.flat)
    x = np.concatenate([np.eye(4)[symbols], features], axis=-1)
    assert worst(case.answers(), replace(case, network=dense, x=x).answers()) < TOLERANCE.law["float64"]


@pytest.mark.parametrize("cell", CELLS, ids="-".join)
def test_an_embedding_is_a_matrix_of_features(cell: tuple[str, str]) -> None:
    case = random_case(cell, T=5, B=3, I=4, O=6, dense=False, embedding_size=5, lengths=(2, 0, 5))
    E, others = case.network.parameters["embedding.E"], case.network.parameters.flat[4 * 5 :]
    dense = Network.from_spec(replace(case.network.spec, input_size=5, embedding_size=None), others)
    came, right = case.answers(), replace(case, network=dense, x=E[case.x]).answers()
    came["gradient"] = came["gradient"][4 * 5 :]
    assert worst(came, right) < TOLERANCE.law["float64"]


@pytest.mark.parametrize("cell", CELLS, ids="-".join)
def test_tied_is_untied_with_one_matrix(cell: tuple[str, str]) -> None:
    """What reaches either matrix reaches the one."""
    case = random_case(cell, T=5, B=3, I=4, O=4, H=5, dense=False, embedding_size=5, tied=True)
    apart = Network.from_spec(
        replace(case.network.spec, tied=False), np.zeros(len(case.network.parameters) + 20)
    )
    for name in apart.parameters:
        apart.parameters[name][:] = case.network.parameters[name.replace("head.V", "embedding.E")]
    came, right = case.answers(), replace(case, network=apart).answers()
    gradient = apart.parameters.like(right.pop("gradient"))
    gradient["embedding.E"][:] += gradient["head.V"]
    for name, view in case.network.parameters.like(came.pop("gradient")).views.items():
        assert distance(view, gradient[name]) < TOLERANCE.law["float64"], name
    assert worst(came, right) < TOLERANCE.law["float64"]


# A rate acts where there is noise, and elsewhere not


@pytest.mark.parametrize("rate", [name for name in RATES if name != "zoneout"])
def test_nothing_is_dropped_without_noise(rate: str) -> None:
    case = random_case(layers=2, **{rate: 0.5})
    plain = Network.from_spec(random_case(layers=2).network.spec, case.network.parameters.flat)
    assert case.run()[0].tobytes() == plain.run(case.x, case.state)[0].tobytes()
    noisy = [case.network.forward(case.x, case.state, noise=Noise(0, step))[0] for step in range(2)]
    assert not np.allclose(noisy[0], case.run()[0])
    assert not np.allclose(*noisy)


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_zoneout_without_noise_is_its_mean(cell: str) -> None:
    """Of one step: from the second on the mean of a product is not the product of means."""
    case = random_case((cell, "tanh"), T=1, B=2, H=3, zoneout=0.3)
    _, mean = case.run()
    drawn = [case.network.forward(case.x, case.state, noise=Noise(0, n))[1] for n in range(1000)]
    for k, right in enumerate(mean[0]):
        came = np.mean([state[0][k] for state in drawn], axis=0)
        spread = np.std([state[0][k] for state in drawn], axis=0) / np.sqrt(1000)
        assert (np.abs(came - right) < 5 * spread).all()


# Refusals

SIZES = {"input_size": 3, "hidden_size": 4, "output_size": 2}
REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "another cell": (
        {"cell": "peephole"},
        "no cell 'peephole' with activation 'tanh'; there are elman (tanh, relu), gru (tanh), lstm (tanh)",
    ),
    "another activation": (
        {"cell": "lstm", "activation": "relu"},
        "no cell 'lstm' with activation 'relu'; there are elman (tanh, relu), gru (tanh), lstm (tanh)",
    ),
    "another dtype": ({"dtype": "float16"}, "dtype is 'float16'; there are float32 and float64"),
    "another initialization": (
        {"initialization": "xavier"},
        "no initialization 'xavier'; there are orthogonal, standard_normal, identity, glorot, uniform",
    ),
    "the identity for gates": ({"cell": "gru", "initialization": "identity"}, "is for a cell of one gate"),
    "another readout": (
        {"readout": "first"},
        "no readout 'first'; there are every, last, mean, max, concat, flatten",
    ),
    "another head": ({"head": "hinge"}, "no head 'hinge'; there are softmax, sigmoid, squared"),
    "dropout between one layer": ({"dropout": 0.5}, "dropout acts between layers, and there is one"),
    "steps of every step": ({"steps": 5}, "steps belongs to readout 'flatten' alone"),
    "flattened, but how many": ({"readout": "flatten"}, "steps belongs to readout 'flatten' alone"),
    "quantiles of another head": ({"quantiles": (0.5,)}, "only 'quantile' reads them"),
    "no quantiles": ({"head": "quantile"}, "quantiles are (); expected numbers between 0 and 1 that rise"),
    "tied to nothing": ({"tied": True}, "tied shares the embedding with the output; give embedding_size"),
    "tied to another size": (
        {"tied": True, "embedding_size": 4},
        "tied needs an output as large as the embedding: the head is 2 × 4, the embedding 3 × 4",
    ),
    "a width for another number of layers": (
        {"hidden_size": (4, 5), "num_layers": 3},
        "hidden_size has 2 entries, [4, 5]; num_layers is 3",
    ),
    "no layers": ({"hidden_size": ()}, "num_layers is 0; it must be a whole number, 1 or more"),
    "a width that is none": (
        {"hidden_size": (4, 0)},
        "hidden_size is 0; it must be a whole number, 1 or more",
    ),
    "features less than none": ({"feature_size": -1}, "feature_size is -1; it must be a whole number"),
    "an embedding in nothing": ({"embedding_size": 0}, "embedding_size is 0; it must be a whole number"),
}


@pytest.mark.parametrize(("options", "words"), REFUSED.values(), ids=REFUSED)
def test_what_contradicts_itself_is_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(OptionError, match=re.escape(words)) as refused:
        Network(**SIZES | options)  # type: ignore[arg-type]
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        *product(SIZES, (0, -1, 2.5, True, "4", None)),
        *product(["num_layers"], (0, -1, 2.5, True, "4")),  # None: as many as hidden_size has
        *product(["embedding_size", "feature_size"], (-1, 2.5, True, "4")),
    ],
)
def test_sizes_are_whole_numbers(name: str, size: object) -> None:
    with pytest.raises(OptionError) as refused:
        Network(**SIZES | {name: size})  # type: ignore[arg-type]
    assert str(refused.value) == f"{name} is {size!r}; it must be a whole number, 1 or more"


@pytest.mark.parametrize("name", RATES)
@pytest.mark.parametrize("rate", [1, 1.5, -0.1, float("nan"), True, "0.5", None])
def test_rates_are_below_one(name: str, rate: object) -> None:
    with pytest.raises(OptionError) as refused:
        Network(**SIZES | {name: rate, "num_layers": 2})  # type: ignore[arg-type]
    assert str(refused.value) == f"{name} is {rate!r}; it must be a number from 0 on and below 1"


@pytest.mark.parametrize("name", ["bidirectional", "tied", "layer_norm", "learn_initial_state"])
@pytest.mark.parametrize("value", [2, "yes", None])
def test_switches_are_true_or_false(name: str, value: object) -> None:
    with pytest.raises(OptionError, match=f"{name} is {value!r}"):
        Network(**SIZES | {name: value})  # type: ignore[arg-type]


def test_a_spec_refuses_by_itself() -> None:
    """Before a layout is asked for."""
    with pytest.raises(OptionError, match="no readout 'first'"):
        Spec("elman", "tanh", 3, 4, 2, 1, "float32", readout="first")


def test_dropped_features_are_refused_where_there_are_none() -> None:
    network = Network(**SIZES, input_dropout=0.5)  # type: ignore[arg-type]
    assert network.run(np.zeros((2, 3)))[0].shape == (2, 2)
    for act in (network.run, lambda x: network.step(x[0])):
        with pytest.raises(OptionError, match="symbols have none: give embedding_size"):
            act(np.array([0, 1]))
