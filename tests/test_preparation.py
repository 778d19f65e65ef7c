"""From table to network and back: learned from training rows alone, refused where it would have to guess."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data.layout import Layout, group_rows, resolve, split_table
from elman.data.preparation import Preparation
from elman.data.prepared import learn_preparation, prepare
from elman.data.scaling import Scaler
from elman.data.sequences import Sequences
from elman.data.sources import table_from_frame
from elman.data.table import Table
from elman.data.windows import Windows
from elman.errors import DataError, FormatError, OptionError

DAYS = {
    "day_type": ["W", "W", "A", "U", "W"],
    "bus": [4.0, 5, 9, 6, 1],
    "rail": [10.0, 30, 20, 50, 40],
}
AHEAD = Layout(
    ("rail",),
    inputs=("rail", "bus"),
    categories=("day_type",),
    ahead=("day_type", "bus"),
    window=2,
    scale=False,
)
UTTERANCES = {
    "id": ["b", "a", "b", "a", "c"],
    "f1": [1.0, 2, 3, 4, 5],
    "f2": [5.0, 4, 3, 2, 2],
    "tag": ["N", "V", "V", "N", "N"],
    "who": ["Bea", "Ann", "Bea", "Ann", "Ann"],
    "loud": [0.5, 1.5, 0.5, 1.5, 2.5],
}
NAMES = {"name": ["Satou", "Smith", "Suzuki"], "language": ["Japanese", "English", "Japanese"]}


def table(columns: dict[str, list], **changes: list) -> Table:
    made = table_from_frame({**columns, **changes})
    return replace(made, places=made.places + 2, unit="line", source="a.csv")


# --------------------------------------------------------------------------------------------------- series


def test_a_series_is_its_own_past():
    preparation = learn_preparation(table(DAYS), Layout(("rail", "bus"), window=2, horizon=2))
    assert preparation.features == ("rail", "bus")
    assert (preparation.layout.inputs, preparation.layout.target_kind) == (("rail", "bus"), "numbers")
    assert preparation.output_size == 4
    prepared = prepare(preparation, table(DAYS))
    (x,), (targets,) = prepared.x, prepared.targets
    assert np.array_equal(x, targets)
    assert np.allclose(x.mean(axis=0), 0)
    assert np.allclose(x.std(axis=0), 1)
    assert np.allclose(preparation.values(x), np.stack([DAYS["rail"], DAYS["bus"]], axis=1))
    assert prepared.rows[0].tolist() == [0, 1, 2, 3, 4]


def test_predictions_of_windows_come_back_in_the_units_of_their_columns():
    preparation = learn_preparation(table(DAYS), Layout(("rail", "bus"), window=2, horizon=2))
    prepared = prepare(preparation, table(DAYS))
    batch = next(Windows(prepared.x, prepared.targets, 2, horizon=2).once())
    both = np.stack([DAYS["rail"], DAYS["bus"]], axis=1)
    expected = [both[2:4].ravel(), both[3:5].ravel()]
    assert np.allclose(preparation.values(batch.targets), expected)
    quantiles = np.concatenate([batch.targets, batch.targets], axis=-1)
    assert np.allclose(preparation.values(quantiles), np.concatenate([expected, expected], axis=-1))
    spread = preparation.spread(np.ones((2, 4)))
    assert np.allclose(spread, np.tile([np.std(DAYS["rail"]), np.std(DAYS["bus"])], (2, 2)))


def test_what_is_known_ahead_is_read_a_row_early():
    preparation = learn_preparation(table(DAYS), AHEAD)
    assert preparation.features == (
        *("rail", "bus", "day_type=A (next row)", "day_type=U (next row)"),
        *("day_type=W (next row)", "bus (next row)"),
    )
    prepared = prepare(preparation, table(DAYS))
    (x,), (targets,) = prepared.x, prepared.targets
    assert x.tolist() == [
        [10, 4, 0, 0, 1, 5],
        [30, 5, 1, 0, 0, 9],
        [20, 9, 0, 1, 0, 6],
        [50, 6, 0, 0, 1, 1],
    ]
    assert targets.ravel().tolist() == DAYS["rail"]
    batch = next(Windows(prepared.x, prepared.targets, 2).once())
    assert batch.targets.ravel().tolist() == [20, 50, 40]
    assert batch.x[-1, :, 0].tolist() == [30, 20, 50]


def test_past_the_end_only_what_is_known_ahead_is_needed():
    preparation = learn_preparation(table(DAYS), AHEAD)
    future = table(DAYS, rail=[10.0, 30, 20, 50, None], bus=DAYS["bus"])
    assert (
        prepare(preparation, future, targets=False).x[0].tolist()
        == prepare(preparation, table(DAYS)).x[0].tolist()
    )
    with pytest.raises(DataError, match=r"'rail' holds no number .* in line 6"):
        prepare(preparation, future)
    with pytest.raises(DataError, match="'day_type' is empty in line 6"):
        prepare(preparation, table(DAYS, day_type=["W", "W", "A", "U", ""]), targets=False)


def test_categories_are_inputs_unless_they_are_read_ahead():
    now = resolve(table(DAYS), Layout(("rail",), categories=("day_type",), window=2))
    assert now.inputs == ("rail", "day_type")
    assert resolve(table(DAYS), now) == now
    both = Layout(("rail",), inputs=("day_type",), categories=("day_type",), ahead=("day_type",), window=2)
    features = learn_preparation(table(DAYS), both).features
    assert features == tuple(
        f"day_type={value}{when}" for when in ("", " (next row)") for value in ("A", "U", "W")
    )


def test_several_series_in_one_table():
    columns = {"station": ["n", "s", "n", "s", "n"], "rides": [1.0, 10, 2, 20, 3]}
    layout = Layout(("rides",), sequence="station", window=1, scale=False)
    prepared = prepare(learn_preparation(table(columns), layout), table(columns))
    assert [x.ravel().tolist() for x in prepared.x] == [[1, 2, 3], [10, 20]]
    assert [rows.tolist() for rows in prepared.rows] == [[0, 2, 4], [1, 3]]
    data = Windows(prepared.x, prepared.targets, 1)
    assert next(data.once()).targets.ravel().tolist() == [2, 3, 20]
    known = table(columns, fee=[5.0, 6, 7, 8, 9])
    prepared = prepare(learn_preparation(known, replace(layout, ahead=("fee",))), known)
    assert [x.tolist() for x in prepared.x] == [[[1, 7], [2, 9]], [[10, 8]]]
    assert [t.ravel().tolist() for t in prepared.targets] == [[1, 2, 3], [10, 20]]
    batch = next(Windows(prepared.x, prepared.targets, 1).once())
    assert (batch.x[0].tolist(), batch.targets.ravel().tolist()) == ([[1, 7], [2, 9], [10, 8]], [2, 3, 20])


# ------------------------------------------------------------------------------------------------ sequences


def test_labels_for_every_step():
    preparation = learn_preparation(
        table(UTTERANCES),
        Layout(("tag",), sequence="id", inputs=("f1", "f2"), per_sequence=False, scale=False),
    )
    prepared = prepare(preparation, table(UTTERANCES))
    assert preparation.labels == ("N", "V")
    assert [x.tolist() for x in prepared.x] == [[[1, 5], [3, 3]], [[2, 4], [4, 2]], [[5, 2]]]
    assert [targets.tolist() for targets in prepared.targets] == [[0, 1], [1, 0], [0]]
    assert [preparation.names(targets).tolist() for targets in prepared.targets] == [
        ["N", "V"],
        ["V", "N"],
        ["N"],
    ]
    assert Sequences(prepared.x, prepared.targets, per_sequence=False).steps_per_epoch == 1


def test_one_label_for_each_sequence():
    preparation = learn_preparation(table(UTTERANCES), Layout(("who",), sequence="id"))
    prepared = prepare(preparation, table(UTTERANCES))
    assert preparation.features == ("f1", "f2", "loud")  # columns of text are left out
    assert prepared.targets.tolist() == [1, 0, 0]
    assert preparation.names(prepared.targets).tolist() == ["Bea", "Ann", "Ann"]
    x = np.concatenate(prepared.x)
    assert np.allclose(x.std(axis=0), 1)
    assert Sequences(prepared.x, prepared.targets, per_sequence=True).steps_per_epoch == 1


@pytest.mark.parametrize("per_sequence", [True, False])
def test_numbers_for_sequences_and_steps(per_sequence):
    layout = Layout(("loud",), sequence="id", inputs=("f1",), per_sequence=per_sequence)
    preparation = learn_preparation(table(UTTERANCES), layout)
    told = prepare(preparation, table(UTTERANCES)).targets
    expected = [[0.5], [1.5], [2.5]] if per_sequence else [[0.5], [0.5], [1.5], [1.5], [2.5]]
    assert np.allclose(preparation.values(told if per_sequence else np.concatenate(told)), expected)
    assert np.allclose(preparation.target_scaler.mean, np.mean(expected))


def test_flags_stay_as_they_are_even_where_one_is_never_set():
    columns = {"id": [1, 1, 2], "x": [1.0, 2, 3], "low": [0, 1, 1], "high": [False, False, False]}
    layout = Layout(("low", "high"), sequence="id", target_kind="flags", per_sequence=False)
    preparation = learn_preparation(table(columns), layout)
    assert (preparation.target_scaler, preparation.output_size) == (None, 2)
    told = prepare(preparation, table(columns)).targets
    assert [t.tolist() for t in told] == [[[0, 0], [1, 0]], [[1, 0]]]
    with pytest.raises(DataError, match=r"flag 'low' is 2\.0 in line 4; expected 0 or 1"):
        prepare(preparation, table(columns, low=[0, 1, 2]))


def test_numbers_can_be_labels():
    columns = {"id": [1, 2, 3], "x": [1.0, 2, 3], "digit": [10, 9, 10]}
    preparation = learn_preparation(table(columns), Layout(("digit",), sequence="id", target_kind="labels"))
    assert preparation.labels == ("9", "10")
    assert prepare(preparation, table(columns)).targets.tolist() == [1, 0, 1]


def test_labels_are_in_one_order_whatever_they_are():
    columns = {"id": list(range(9)), "x": list(range(9)), "y": ["nan", *"87654321"]}
    layout = Layout(("y",), sequence="id", target_kind="labels")
    assert learn_preparation(table(columns), layout).labels == (*"12345678", "nan")


# ---------------------------------------------------------------------------------------------------- texts


def test_texts_are_sequences():
    preparation = learn_preparation(table(NAMES), Layout(("language",), text="name"))
    prepared = prepare(preparation, table(NAMES))
    assert prepared.x == NAMES["name"]
    assert prepared.targets.tolist() == [1, 0, 1]
    assert (preparation.features, preparation.output_size) == ((), 2)
    without = prepare(preparation, table({"name": ["Abe"]}))
    assert (without.x, without.targets) == (["Abe"], None)


# ------------------------------------------------------------------------------- only what training can know


def test_nothing_is_learned_from_other_rows():
    layout = Layout(("rail",), inputs=("bus",), window=1)
    train, valid = split_table(table(DAYS), layout, 0.4)
    preparation = learn_preparation(train, layout)
    assert preparation.input_scaler == Scaler((6.0,), (float(np.std([4, 5, 9])),))
    assert preparation.values([[0.0]]) == [[20.0]]
    assert preparation.values(prepare(preparation, valid).targets[0]).ravel().tolist() == [50, 40]


RIDES = Layout(("rail",), window=1)
BUS = Layout(("rail",), inputs=("bus",), window=1)
TYPE = Layout(("rail",), categories=("day_type",), window=1)
SPEAKER = Layout(("who",), sequence="id")
LOUDNESS = Layout(("loud",), sequence="id")
LANGUAGE = Layout(("language",), text="name")


@pytest.mark.parametrize(
    ("columns", "layout", "changes", "words"),
    [
        (
            UTTERANCES,
            SPEAKER,
            {"who": ["Bea", "Cy", "Bea", "Cy", "Ann"]},
            "'who' holds 'Cy' in line 3, not seen",
        ),
        (UTTERANCES, SPEAKER, {"who": ["Bea", "Cy", "Bea", "Cy", "Ann"]}, "known are Ann, Bea"),
        (
            DAYS,
            TYPE,
            {"day_type": ["W", "X", "A", "U", "W"]},
            "holds 'X' in line 3, known are A, U, W",
        ),
        (NAMES, LANGUAGE, {"language": ["Thai", "English", "Japanese"]}, "'language' holds 'Thai' in line 2"),
        (NAMES, LANGUAGE, {"name": ["Satou", "", "Abe"]}, "'name' is empty in line 3"),
        (UTTERANCES, SPEAKER, {"who": ["Bea", "Ann", "Ann", "Ann", "Ann"]}, "sequence 'b' changes in line 4"),
        (
            UTTERANCES,
            LOUDNESS,
            {"loud": [0.5, 1.5, 0.5, 1.6, 2.5]},
            "changes in line 5, every step",
        ),
        (UTTERANCES, SPEAKER, {"id": ["b", "a", "b", "", "c"]}, "'id' is empty in line 5"),
        (DAYS, RIDES, {"rail": [10.0, None, 20, 50, 40]}, "'rail' holds no number, in line 3"),
        (DAYS, BUS, {"bus": [1.0, 2, np.inf, 3, 4]}, "'bus' holds inf in line 4"),
        (DAYS, RIDES, {"rail": ["1", "2", "?", "4", "5"]}, "'rail' holds '?' in line 4, expected numbers"),
    ],
)
def test_what_training_did_not_see_is_named(columns, layout, changes, words):
    preparation = learn_preparation(table(columns), layout)
    with pytest.raises(DataError) as error:
        prepare(preparation, table(columns, **changes))
    assert str(error.value).startswith("a.csv: ")
    assert [part for part in words.split(", ") if part not in str(error.value)] == []


@pytest.mark.parametrize(
    ("columns", "layout", "changes", "words"),
    [
        (DAYS, Layout(("rial",), window=1), {}, "no column 'rial'; did you mean 'rail', day_type, bus, rail"),
        (DAYS, replace(RIDES, inputs=("buss",)), {}, "no column 'buss'"),
        (UTTERANCES, replace(SPEAKER, sequence="idd"), {}, "no column 'idd'"),
        (
            DAYS,
            replace(RIDES, inputs=("day_type",)),
            {},
            "'W' in line 2, --category day_type",
        ),
        (DAYS, RIDES, {"rail": [3.0] * 5}, "'rail' is constant (3.0 in all 5 rows"),
        (DAYS, replace(RIDES, scale=False), {"rail": [3.0] * 5}, "'rail' is constant"),
        (DAYS, BUS, {"bus": [0.0] * 5}, "'bus' is constant"),
        (DAYS, TYPE, {"day_type": ["W"] * 5}, "'day_type' is constant ('W'"),
        (NAMES, LANGUAGE, {"language": ["Thai"] * 3}, "'language' is constant"),
        (NAMES, Layout(("language",), sequence="name"), {}, "no column of numbers left to read"),
        (
            UTTERANCES,
            LOUDNESS,
            {"loud": ["1", "", "N/A", "3", "4"]},
            "holds 'N/A' in line 4, numbers else",
        ),
        (UTTERANCES, Layout(("loud", "who"), sequence="id"), {}, "'who' holds 'Bea'"),
    ],
)
def test_what_nothing_can_be_learned_from_is_named(columns, layout, changes, words):
    with pytest.raises(DataError) as error:
        learn_preparation(table(columns, **changes), layout)
    assert [part for part in words.split(", ") if part not in str(error.value)] == []


def test_some_targets_without_the_others_are_refused():
    preparation = learn_preparation(table(DAYS), Layout(("rail", "bus"), inputs=("bus",), window=1))
    with pytest.raises(DataError, match="no column 'rail'"):
        prepare(preparation, table({"bus": DAYS["bus"]}))


def test_text_that_only_looks_like_numbers_is_labels_when_all_of_it_does():
    columns = table(UTTERANCES, who=["2", "1", "2", "1", "1"])
    assert learn_preparation(columns, Layout(("who",), sequence="id")).labels == ("1", "2")


def test_a_table_without_rows_is_refused():
    with pytest.raises(DataError, match=r"a\.csv has no rows"):
        group_rows(table(DAYS).take([]), Layout(("rail",), window=1))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "which rows form a sequence"),
        ({"targets": (), "window": 2}, "no target"),
        ({"targets": "rail", "window": 2}, "targets is 'rail'"),
        ({"inputs": ("a", "a"), "window": 2}, "each of them once"),
        ({"text": "t", "window": 2}, "leave out sequence and window"),
        ({"text": "t", "sequence": "s"}, "leave out sequence and window"),
        ({"text": "t", "inputs": ("a",)}, "leave out a"),
        ({"text": "t", "per_sequence": False}, "per_sequence=False"),
        ({"sequence": "s", "horizon": 2}, "horizon, stride and ahead are for series"),
        ({"sequence": "s", "stride": 2}, "horizon, stride and ahead are for series"),
        ({"sequence": "s", "ahead": ("a",)}, "horizon, stride and ahead are for series"),
        ({"sequence": "s", "inputs": ("y",)}, "y cannot be both target and input"),
        ({"sequence": "s", "categories": ("y",)}, "y cannot be both target and input"),
        ({"sequence": "y"}, "'y' says what the sequences are"),
        ({"sequence": "s", "inputs": ("s",)}, "'s' says what the sequences are"),
        ({"text": "y"}, "'y' says what the sequences are"),
        ({"window": 2, "target_kind": "labels"}, "a series is continued with numbers"),
        ({"sequence": "s", "targets": ("y", "z"), "target_kind": "labels"}, "labels are in one column"),
        ({"sequence": "s", "target_kind": "classes"}, "choose one of labels, numbers, flags"),
        ({"window": 0}, "window is 0"),
        ({"window": 2, "horizon": 0}, "horizon is 0"),
        ({"window": 2, "stride": 1.5}, "stride is 1.5"),
    ],
)
def test_what_does_not_go_together_is_refused(options, words):
    with pytest.raises(OptionError, match=words):
        Layout(**{"targets": ("y",), **options})


def test_columns_to_read_as_text():
    layout = Layout(("y",), sequence="s", categories=("c",), inputs=("a",))
    assert layout.text_columns == ("c", "s")
    assert replace(layout, target_kind="labels").text_columns == ("c", "s", "y")
    assert Layout(("y",), text="t").text_columns == ("t",)


# ------------------------------------------------------------------------------------------------ splitting


@settings(deadline=None)
@given(
    ids=st.lists(st.integers(0, 9), min_size=2, max_size=40),
    fraction=st.floats(0, 0.8),
    seed=st.integers(0, 5),
)
def test_sequences_are_held_out_whole(ids, fraction, seed):
    columns = table({"id": ids, "x": np.arange(len(ids)), "y": np.arange(len(ids))})
    layout = Layout(("y",), sequence="id", per_sequence=False)
    count = int((1 - fraction) * len(set(ids)))
    if count == 0:
        with pytest.raises(DataError, match="too few to hold out"):
            split_table(columns, layout, fraction, seed)
        return
    train, valid = split_table(columns, layout, fraction, seed)
    assert sorted([*train.numbers("x"), *valid.numbers("x")]) == list(range(len(ids)))
    assert set(train.numbers("id")).isdisjoint(valid.numbers("id"))
    assert len(set(train.numbers("id"))) == count
    assert (np.diff(train.places) > 0).all()


def test_sequences_are_drawn_by_the_seed():
    columns = table({"id": np.arange(50), "x": np.arange(50), "y": np.arange(50)})
    layout = Layout(("y",), sequence="id")
    held_out = [split_table(columns, layout, 0.2, seed)[1].numbers("id").tolist() for seed in (0, 0, 1)]
    assert held_out[0] == held_out[1] != held_out[2]
    assert held_out[0] != list(range(40, 50))


@pytest.mark.parametrize("seed", range(5))
def test_a_rare_label_is_trained_on(seed):
    columns = table({"name": [f"n{k}" for k in range(40)], "kind": ["rare"] * 2 + ["a", "b"] * 19})
    train, valid = split_table(columns, Layout(("kind",), text="name"), 0.5, seed)
    assert set(train.texts("kind")) == {"rare", "a", "b"}
    assert (len(train), len(valid)) == (20, 20)
    assert train.place(0).startswith("line ")


def test_the_end_of_each_series_is_held_out():
    columns = table({"s": [1, 2, 1, 2, 1, 2, 1, 2, 1, 1], "y": np.arange(10)})
    train, valid = split_table(columns, Layout(("y",), sequence="s", window=1), 0.5)
    assert train.numbers("y").tolist() == [0, 1, 2, 3, 4]
    assert valid.numbers("y").tolist() == [5, 6, 7, 8, 9]


# --------------------------------------------------------------------------------------------------- as JSON


def every_preparation() -> list[Preparation]:
    return [
        learn_preparation(table(DAYS), AHEAD),
        learn_preparation(table(DAYS), replace(AHEAD, scale=True)),
        learn_preparation(table(UTTERANCES), Layout(("who",), sequence="id")),
        learn_preparation(table(UTTERANCES), Layout(("loud",), sequence="id", per_sequence=False)),
        learn_preparation(table(NAMES), Layout(("language",), text="name")),
    ]


@pytest.mark.parametrize("preparation", every_preparation())
def test_it_comes_back_from_json(preparation):
    facts = preparation.to_facts()
    assert Preparation.from_facts(json.loads(json.dumps(facts))) == preparation


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(min_value=0, exclude_min=True, max_value=1e308),
)
def test_numbers_come_back_exactly(mean, scale):
    layout = Layout(("y",), inputs=("y",), window=1, target_kind="numbers")
    preparation = Preparation(layout, target_scaler=Scaler((mean,), (scale,)))
    again = Preparation.from_facts(json.loads(json.dumps(preparation.to_facts())))
    assert again.target_scaler.mean[0].hex() == mean.hex()
    assert again.target_scaler.scale[0].hex() == scale.hex()


SCALED = every_preparation()[1].to_facts()
LABELED = every_preparation()[2].to_facts()


@pytest.mark.parametrize(
    ("facts", "change"),
    [
        (SCALED, {"more": 1}),
        (SCALED, {"layout": None}),
        (SCALED, {"layout": {**SCALED["layout"], "more": 1}}),
        (SCALED, {"layout": {**SCALED["layout"], "window": 0}}),
        (SCALED, {"layout": {**SCALED["layout"], "window": "2"}}),
        (SCALED, {"layout": {**SCALED["layout"], "window": True}}),
        (SCALED, {"layout": {**SCALED["layout"], "target_kind": "classes"}}),
        (SCALED, {"layout": {**SCALED["layout"], "target_kind": None}}),
        (SCALED, {"layout": {**SCALED["layout"], "inputs": []}}),
        (SCALED, {"layout": {**SCALED["layout"], "targets": [1]}}),
        (SCALED, {"known": {}}),
        (SCALED, {"known": {"day_type": ["A", "A"]}}),
        (SCALED, {"known": {"day_type": ["A"]}}),
        (SCALED, {"known": {"day_type": "AUW"}}),
        (SCALED, {"known": {"day_type": ["A", "U", "W"], "bus": ["1", "2"]}}),
        (SCALED, {"labels": ["a", "b"]}),
        (SCALED, {"input_scaler": {"mean": [1.0], "scale": [1.0]}}),
        (SCALED, {"input_scaler": {"mean": [0.0] * 6, "scale": [0.0] * 6}}),
        (SCALED, {"target_scaler": {"mean": [math.nan], "scale": [1.0]}}),
        (SCALED, {"target_scaler": {"mean": [None], "scale": [1.0]}}),
        (SCALED, {"target_scaler": {"mean": [10**400], "scale": [1.0]}}),
        (SCALED, {"target_scaler": {"mean": ["1"], "scale": [1.0]}}),
        (SCALED, {"target_scaler": {"mean": [], "scale": []}}),
        (LABELED, {"labels": None}),
        (LABELED, {"labels": ["a"]}),
        (LABELED, {"labels": ["a", "a"]}),
        (LABELED, {"labels": []}),
        (LABELED, {"target_scaler": {"mean": [0.0], "scale": [1.0]}}),
    ],
)
def test_damaged_facts_are_refused(facts, change):
    assert Preparation.from_facts(facts)
    with pytest.raises(FormatError, match="the preparation is damaged"):
        Preparation.from_facts({**facts, **change})


@pytest.mark.parametrize("name", SCALED)
def test_missing_facts_are_refused(name):
    with pytest.raises(FormatError, match="the preparation is damaged"):
        Preparation.from_facts({key: value for key, value in SCALED.items() if key != name})


def test_numbers_have_no_names():
    with pytest.raises(OptionError, match="numbers, not labels"):
        every_preparation()[0].names([0])
    plain = every_preparation()[0]
    assert (plain.values([[3.0]]), plain.spread([[3.0]])) == ([[3.0]], [[3.0]])
