"""The quality suite: data as published, baselines with known answers, results that tell what was reached."""

from __future__ import annotations

import itertools
import json
import math
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks/quality"))

import adding_problem
import cta_ridership
import fitting
import formal_languages
import human_numbers
import japanese_vowels
import jsb_chorales
import mnist1d
import names
import ngram
import report
import run as program
import shakespeare
import shakespeare_lower
import suite
import surnames
from suite import Contender, Metric, Row, Run, Score, Task

from elman import Batch, Network

SUITE = Path(program.__file__).parent
HELPERS = {"fitting", "ngram", "report", "run", "suite"}

# ------------------------------------------------------------------------------------------------ the list


def test_every_file_is_a_task_or_a_helper():
    assert {path.stem for path in SUITE.glob("*.py")} == {*suite.TASKS, *HELPERS}
    assert len(suite.TASKS) == 11


@pytest.mark.parametrize("name", suite.TASKS)
def test_every_network_has_a_number_to_reach(name):
    task = suite.find(name)
    measured = {"surnames"}  # against baselines of the same run
    assert task.contenders
    for contender in task.contenders:
        assert (contender.published is None) == (name in measured)
        assert bool(contender.source) == (name not in measured)
    assert all(word.strip() for word in (task.title, task.split, task.symbols, task.counted))
    assert len({contender.name for contender in task.contenders}) == len(task.contenders)


def test_published_numbers_are_those_of_the_tables():
    told = {n: [c.published for c in suite.find(n).contenders] for n in ("jsb_chorales", "human_numbers")}
    assert told == {"jsb_chorales": [8.71, 8.43, 8.45], "human_numbers": [0.650, 0.758, 0.869]}
    assert [c.goal for c in shakespeare.TASK.contenders] == [1.65, 1.58, 1.58]
    assert {c.published for c in formal_languages.TASK.contenders} == {1.0}
    assert len(formal_languages.TASK.contenders) == 4 * 3


def test_an_unknown_task_is_refused_with_the_list():
    with pytest.raises(ValueError, match=r"no task 'speech'; there are human_numbers, .*, surnames"):
        suite.find("speech")


def test_a_task_without_its_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="give --data DIR with a folder 'jsb_chorales' in it; None came"):
        suite.folder_of(jsb_chorales.TASK, None)
    with pytest.raises(ValueError, match="'makemore_names'"):
        suite.folder_of(names.TASK, tmp_path)
    (tmp_path / "makemore_names").mkdir()
    assert suite.folder_of(names.TASK, tmp_path) == tmp_path / "makemore_names"
    assert suite.folder_of(human_numbers.TASK, None) is None


# ---------------------------------------------------------------------------------------------- data, parsers


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (7, "seven"),
        (19, "nineteen"),
        (20, "twenty"),
        (85, "eighty five"),
        (100, "one hundred"),
        (612, "six hundred twelve"),
        (3000, "three thousand"),
        (9999, "nine thousand nine hundred ninety nine"),
    ],
)
def test_numbers_are_spelled(number, words):
    assert human_numbers.spell(number) == words


def test_human_numbers_are_those_of_the_book():
    lines = list(human_numbers.lines())
    words = " . ".join(lines).split(" ")
    assert (len(lines), len(words), len(set(words))) == (9_998, 63_095, 30)
    assert "eight thousand" not in lines
    loaded = human_numbers.load(None, seed=0)
    assert (len(loaded.train), len(loaded.test), loaded.size) == (50_476, 12_619, 31)


def test_shakespeare_is_split_as_published():
    text, lower = shakespeare.load(None, 0), shakespeare_lower.load(None, 0)
    assert (len(text.train), len(text.test), text.size - 1) == (1_003_854, 111_540, 65)
    parts = [len(part) for part in (lower.train, lower.validation, lower.test)]
    assert (parts, lower.size - 1) == ([1_000_000, 60_000, 55_394], 39)


def test_windows_of_a_text_know_nothing_of_each_other():
    batches = shakespeare_lower.windows(np.arange(251 * 100) % 251)
    assert [batch.x.shape for batch in batches] == [(100, 100), (100, 100), (100, 50)]
    assert batches[0].x[:3, 1].tolist() == [100, 101, 102]
    assert all((batch.targets == (batch.x + 1) % 251).all() and batch.fresh for batch in batches)


def test_chorales_become_rolls():
    text = json.dumps({"train": [[[21, 108], []]], "valid": [], "test": [[[60]]]})
    chorales = jsb_chorales.read(text)
    (piece,) = chorales.train
    assert piece.shape == (2, 88)
    assert np.flatnonzero(piece[0]).tolist() == [0, 87]
    assert not piece[1].any()
    assert np.flatnonzero(chorales.test[0][0]).tolist() == [60 - 21]


def test_other_chorales_are_refused(tmp_path):
    content = {"train": [[[60]]], "valid": [[[60]]], "test": [[[60]]]}
    (tmp_path / jsb_chorales.FILE).write_text(json.dumps(content), "utf-8")
    with pytest.raises(ValueError, match=r"frames: \{'train': 1, .* other data than the published"):
        jsb_chorales.load(tmp_path, 0)


CTA = """service_date,day_type,bus,rail_boardings,total_rides
01/03/2016,U,400000,250000,650000
01/01/2016,U,300000,200000,500000
01/02/2016,A,500000,300000,800000
01/03/2016,U,400000,250000,650000
01/04/2016,W,900000,700000,1600000
"""


def test_ridership_is_read_in_order_and_once():
    days = cta_ridership.read(CTA.splitlines())
    assert np.diff(days.dates).tolist() == [1, 1, 1]
    assert days.rail[:, 0].tolist() == [0.2, 0.3, 0.25, 0.7]
    assert days.inputs[0].tolist() == [0.3, 0.2, 1, 0, 0]  # tomorrow is a Saturday
    assert days.inputs[2].tolist() == [0.4, 0.25, 0, 0, 1]
    two = days.between(*(cta_ridership.date(2016, 1, day) for day in (2, 3)))
    assert two.rail[:, 0].tolist() == [0.3, 0.25]


TS = """# a comment
@problemName Vowels
@data
1,2,3:4,5,6:2
-1.5,0:0.25,1e-1:9
"""


def test_utterances_are_read_from_the_ts_format():
    x, labels = japanese_vowels.read(TS.splitlines())
    assert [case.tolist() for case in x] == [[[1, 4], [2, 5], [3, 6]], [[-1.5, 0.25], [0, 0.1]]]
    assert labels == ["2", "9"]


def test_other_series_are_refused(tmp_path):
    np.savez(tmp_path / mnist1d.FILE, x=np.zeros((2, 40)), y=[0, 1], x_test=np.zeros((1, 40)), y_test=[0])
    with pytest.raises(ValueError, match=r"shapes: \{'x': \(2, 40\)"):
        mnist1d.load(tmp_path, 0)


def test_surnames_are_split_without_a_leak_and_unknown_characters_are_one_symbol():
    pairs = [(f"{a}{b}", "AB"[k % 2]) for k, (a, b) in enumerate(itertools.product("abcdé", "vwxyz"))]
    found = surnames.split(pairs, seed=3)
    assert (len(found.x), len(found.x_test)) == (20, 5)
    assert set(found.y.tolist()) <= {0, 1}
    known, held_out = ({tuple(name.tolist()) for name in part} for part in (found.x, found.x_test))
    assert known.isdisjoint(held_out)
    assert any((surnames.split(pairs, seed=k).y_test != found.y_test).any() for k in range(3))
    (lone,) = surnames.split([*[("aa", "A")] * 4, ("q", "B")], seed=_seed_that_tests_last(5)).x_test
    assert lone.tolist() == [0]


def _seed_that_tests_last(count: int) -> int:
    return next(k for k in range(99) if np.random.default_rng(k).permutation(count)[0] == count - 1)


# ------------------------------------------------------------------------------------------ what is generated


def test_sums_are_of_two_marked_values():
    x, targets = adding_problem.draw(np.random.default_rng(1), 9, 400)
    values, mask = x[..., 0], x[..., 1]
    assert (x.shape, targets.shape) == ((9, 400, 2), (400, 1))
    assert set(mask.ravel().tolist()) == {0.0, 1.0}
    assert (mask.sum(axis=0) == 2).all()
    np.testing.assert_allclose(targets[:, 0], (values * (mask == 1)).sum(axis=0))
    assert mask.sum(axis=1).min() > 50  # of 800 / 9 = 89: anywhere
    assert 0.4 < values.mean() < 0.6
    assert ((values >= 0) & (values < 1)).all()


def test_units_of_a_gru_begin_with_spread_memories():
    network = Network("gru", input_size=2, hidden_size=50, output_size=1, head="squared")
    adding_problem.remember(network, 100, seed=0)
    bias = network.parameters["layers.0.b"]
    assert not bias[:50].any()
    assert not bias[100:].any()
    times = np.exp(bias[50:100])
    assert 1 <= times.min() < 30
    assert 70 < times.max() <= 99


def test_sequences_grow_to_their_full_length():
    lengths = [adding_problem.length_at(fraction, 600) for fraction in (0.0, 0.3, 0.59, 0.6, 1.0)]
    assert lengths == [10, 78, 561, 600, 600]


def test_parity_counts_ones():
    assert formal_languages.parity(np.array([[1], [0], [1], [1]])).T.tolist() == [[1, 1, 0, 1]]


def test_even_pairs_counts_changes():
    strings = np.array(list(itertools.product([0, 1], repeat=6))).T
    changes = (np.diff(strings, axis=0) != 0).cumsum(axis=0)  # 01 and 10 together
    assert (formal_languages.even_pairs(strings)[1:] == (changes % 2 == 0)).all()


def test_navigation_goes_round():
    strings = np.array([[0, 1, 1, 2, 2, 2], [1, 1, 1, 1, 1, 1]]).T
    assert formal_languages.navigate(strings).T.tolist() == [[0, 1, 2, 1, 0, 4], [1, 2, 3, 4, 0, 1]]


def test_expressions_are_evaluated_as_python_does(seed):
    strings = formal_languages.expressions(np.random.default_rng(seed), 11, 50)
    values = formal_languages.calculate(strings)
    signs = "01234+-*"
    for string, value in zip(strings.T, values.T, strict=True):
        for end in range(0, 11, 2):
            text = "".join(signs[symbol] for symbol in string[: end + 1])
            assert value[end] == eval(text) % 5, text
    assert strings[1::2].min() == 5
    assert strings[::2].max() == 4


def test_what_has_no_answer_is_not_asked():
    arithmetic, parity = (formal_languages.LANGUAGES[name] for name in ("arithmetic mod 5", "parity"))
    asked = formal_languages.batch(arithmetic, np.random.default_rng(0), 6, 3)
    assert asked.weights.T.tolist() == [[1, 0, 1, 0, 1, 0]] * 3
    assert asked.count == 9
    assert formal_languages.batch(parity, np.random.default_rng(0), 6, 3).weights is None


def test_a_network_that_knows_the_answer_has_all_points(monkeypatch):
    monkeypatch.setattr(formal_languages, "TESTED", 3)
    language = formal_languages.LANGUAGES["arithmetic mod 5"]

    class Oracle:
        def __init__(self, wrong):
            self.wrong = wrong

        def run(self, strings):
            answers = (language.answers(strings) + self.wrong(len(strings))[:, None]) % 5
            return np.eye(5)[answers], None

    perfect = formal_languages.score(Oracle(lambda n: np.zeros(n, int)), language)
    assert (perfect.value, perfect.count) == (1.0, 230 * 3)
    fails_before_41 = formal_languages.score(Oracle(lambda n: (np.arange(n) < 40).astype(int)), language)
    assert fails_before_41.value == 1.0
    forgets = formal_languages.score(Oracle(lambda n: (np.arange(n) >= 270).astype(int)), language)
    assert forgets.value == pytest.approx(115 / 230)


# ------------------------------------------------------------------------------------------------- baselines


def test_witten_bell_by_hand():
    train = ngram.grams(np.array([0, 1, 0, 1, 0, 2]), 2)  # 01 10 01 10 02
    unigram = (np.array([2, 2, 1]) + 3 / 3) / (5 + 3)  # of the last symbols: 1 0 1 0 2, three kinds
    expected = [(2 + 2 * unigram[1]) / (3 + 2), (1 + 2 * unigram[2]) / (3 + 2), unigram[0]]
    test = np.array([[0, 1], [0, 2], [2, 0]])  # nothing was seen to follow 2
    np.testing.assert_allclose(ngram.witten_bell(train, test, 3), expected)
    assert ngram.nats(train, test, 3) == pytest.approx(-np.log(expected).mean())


def test_probabilities_of_n_grams_add_up_to_one(seed):
    symbols = np.random.default_rng(seed).integers(0, 5, 200)
    every = np.array([(*context, s) for context in itertools.product(range(6), repeat=2) for s in range(6)])
    p = ngram.witten_bell(ngram.grams(symbols, 3), every, 6).reshape(-1, 6)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert (p > 0).all()


def test_grams_of_names_never_reach_into_another_name():
    read = names.read("ab\nc\nba\n", 0.0, seed=0)
    end, a, b, c = (read.end, *(int(s) for s in np.unique(read.symbols) if s != read.end))
    found = names.grams(read, read.train, 3).tolist()
    assert found == [
        *[[end, end, a], [end, a, b], [a, b, end]],
        *[[end, end, c], [end, c, end]],
        *[[end, end, b], [end, b, a], [b, a, end]],
    ]


def test_markov_chain_of_keys_by_hand():
    silence, sound = np.zeros((1, 88), np.float32), np.eye(88, dtype=np.float32)[:1]
    train = [np.concatenate([silence, sound, sound, sound, silence])]
    on, off = (2 + 1) / (3 + 2), (1 + 1) / (1 + 2)  # the chance to sound after sounding, after silence
    others = -87 * math.log(5 / 6)  # never sounded in 4 frames
    assert jsb_chorales.markov(train, [np.concatenate([sound, sound])]) == pytest.approx(
        others - math.log(on), rel=1e-6
    )
    test = [np.concatenate([silence, silence, sound])]
    assert jsb_chorales.markov(train, test) == pytest.approx(
        others - (math.log(1 - off) + math.log(off)) / 2, rel=1e-6
    )


def test_loss_of_a_network_on_chorales_is_a_sum_over_keys():
    network = Network(input_size=88, hidden_size=3, output_size=88, head="sigmoid")
    network.parameters.flat[:] = 0
    pieces = [np.ones((4, 88), np.float32), np.zeros((2, 88), np.float32)]
    assert jsb_chorales.nats(network, pieces) == pytest.approx(88 * math.log(2))
    network.parameters["head.c"][:] = 2.0
    on, off = math.log1p(math.exp(-2)), math.log1p(math.exp(2))
    assert jsb_chorales.nats(network, pieces) == pytest.approx(88 * (3 * on + off) / 4)


def test_forecasts_without_a_network():
    days = np.arange(120.0)
    weekly = np.array([days % 7]).T / 1e6
    assert cta_ridership.naive(weekly) == 0
    assert cta_ridership.naive(days[:, None] / 1e6) == pytest.approx(7)
    rising = (weekly + days[:, None] / 1e6) * 1e6 / 100
    assert cta_ridership.linear(rising[:100], rising[20:]) < 1e-6 * 1e6


def test_ridership_is_read_in_standard_scores_of_the_days_to_train_on():
    dates = np.arange(cta_ridership.TRAIN[0].toordinal(), cta_ridership.VALIDATION[1].toordinal() + 1)
    inputs = np.random.default_rng(0).normal(3, 2, (len(dates), 5))
    days = cta_ridership.Days(dates, inputs[:, 1:2], inputs)
    training, validation = cta_ridership.windows(days, cta_ridership.RAIL)
    later = len(validation.x)
    past = inputs[:-later, 1:2]
    assert training.x.mean() == pytest.approx(0)
    assert training.x.std() == pytest.approx(1)
    np.testing.assert_allclose(validation.x, (inputs[-later:, 1:2] - past.mean()) / past.std())
    assert (later, cta_ridership.windows(days, cta_ridership.ALL)[0].x.shape[1]) == (151, 5)
    assert (validation.targets == inputs[-later:, 1:2]).all()


def test_the_most_frequent_class_and_naive_bayes():
    pairs = [(name, language) for language, letters in (("A", "ab"), ("B", "cd")) for name in _words(letters)]
    found = surnames.split(pairs, seed=0)
    assert (surnames.naive_bayes(found) == found.y_test).all()
    guesses = surnames.most_frequent(found)
    assert set(guesses.tolist()) == {int(np.bincount(found.y)[1] > np.bincount(found.y)[0])}
    told = surnames.baselines(found)
    assert told["naive Bayes of bigrams"] == 1.0
    assert told["most frequent language"] == (guesses == found.y_test).mean() < 1


def test_naive_bayes_knows_where_a_name_ends():
    longer, shorter = np.array([1, 2, 1]), np.array([1, 2])
    found = surnames.Surnames(3, [longer, shorter], np.array([0, 1]), [shorter, longer], np.array([1, 0]))
    assert surnames.naive_bayes(found).tolist() == [1, 0]


def _words(letters: str) -> list[str]:
    return ["".join(word) for n in (2, 3, 4) for word in itertools.product(letters, repeat=n)]


# --------------------------------------------------------------------------------------------------- scores


def test_macro_f1_by_hand():
    guesses, labels = np.array([0, 0, 1, 3]), np.array([0, 1, 1, 1])
    assert fitting.macro_f1(guesses, labels) == pytest.approx((2 / 3 + 2 / 4 + 0) / 3)  # class 2 never occurs


def test_classes_are_scored(monkeypatch):
    monkeypatch.setattr(fitting, "PIECE", 2)
    network = Network(input_size=3, hidden_size=2, output_size=2, readout="last")
    network.parameters.flat[:] = 0
    network.parameters["head.c"][:] = [0, math.log(3)]
    score = fitting.score_classes(
        network, [np.array([0]), np.array([1, 2]), np.array([2])], np.array([1, 1, 0])
    )
    assert (score.value, score.count) == (pytest.approx(2 / 3), 3)
    assert score.nats == pytest.approx(-(2 * math.log(3 / 4) + math.log(1 / 4)) / 3, rel=1e-6)
    assert score.others["macro F1"] == pytest.approx((0 + 4 / 5) / 2)


def test_fresh_batches_are_a_function_of_seed_and_step():
    fresh = fitting.Fresh(lambda random, step: (step, random.random()))
    first = list(itertools.islice(fresh.batches(seed=4), 5))
    assert list(itertools.islice(fresh.batches(seed=4, step=3), 2)) == first[3:]
    assert [step for step, _ in first] == [0, 1, 2, 3, 4]
    assert len({drawn for _, drawn in first}) == 5
    assert next(fresh.batches(seed=5)) != first[0]


def test_fitting_keeps_the_best_that_was_validated():
    network = Network(input_size=2, hidden_size=2, output_size=2)
    x = np.zeros((3, 1), int)
    seen = []

    def validation(network: Network) -> float:
        seen.append(network.parameters.flat.copy())
        return [3.0, 1.0, 2.0][len(seen) - 1]

    data = fitting.Fresh(lambda random, step: Batch(x, x + 1))
    fitting.fit(network, data, steps=3, validation=validation, validate_every=1)
    assert (network.parameters.flat == seen[1]).all()
    assert not (seen[1] == seen[2]).all()


# --------------------------------------------------------------------------------------------------- results


LOWER, HIGHER = Metric("nats"), Metric("accuracy", higher_is_better=True, digits=1, scale=100, unit=" %")


def _row(metric_values, **given):
    runs = [Run(k, Score(v, 10, v), 1.5, 1.25, 2_000_000) for k, v in enumerate(metric_values)]
    return Row(Contender("tanh 4", partial(int), **given), runs)


@pytest.mark.parametrize(
    ("metric", "values", "given", "baselines", "reached"),
    [
        (LOWER, [1.5, 1.7], {"published": 1.6}, {}, True),
        (LOWER, [1.5, 1.71], {"published": 1.6}, {}, False),
        (LOWER, [1.55], {"published": 1.6, "goal": 1.5}, {}, False),
        (LOWER, [1.55], {"published": 1.6}, {"5-gram": 1.5}, True),
        (HIGHER, [0.9, 0.8], {"published": 0.85}, {}, True),
        (HIGHER, [0.9, 0.78], {"published": 0.85}, {}, False),
        (HIGHER, [0.8], {}, {"a": 0.7, "b": 0.81}, False),
        (HIGHER, [0.8], {}, {"a": 0.7, "b": 0.79}, True),
    ],
)
def test_what_is_reached(metric, values, given, baselines, reached):
    assert _row(values, **given).reaches(metric, baselines) is reached


def test_the_worst_seed_is_told():
    assert _row([1.5, 1.7, 1.6]).worst(LOWER) == 1.7
    assert _row([0.8, 0.9]).worst(HIGHER) == 0.8


def toy(published: float, values=(1.0, 3.0)) -> Task:
    return Task(
        title="Toy",
        split="Half.",
        symbols="2 signs",
        counted="signs",
        metric=LOWER,
        load=lambda folder, seed: values,
        contenders=(Contender("tanh 4", lambda data, seed: Score(data[seed], 7, data[seed]), published),),
        baselines=lambda data: {"chance": 0.5},
    )


@pytest.fixture
def here(monkeypatch, tmp_path):
    """The program in this process, its results elsewhere; returns a function that runs it on a task."""
    monkeypatch.setattr(report, "FILE", tmp_path / "RESULTS.md")
    monkeypatch.setattr(suite, "apart", lambda function, *arguments: function(*arguments))

    def run_on(task: Task, *options: str) -> int:
        monkeypatch.setattr(suite, "find", lambda name: task)
        monkeypatch.setattr(sys, "argv", ["run.py", "human_numbers", "--seeds", "2", *options])
        return program.main()

    return run_on


def test_the_program_tells_every_seed_and_whether_the_number_is_reached(here, capsys):
    assert here(toy(2.0)) == 0
    said = capsys.readouterr().out
    assert "seed 1, nats 3.000, 3.0000 nats, 4.3281 bits, 7 signs" in said
    assert "| tanh 4  |     2.000 | 2.000 | 3.000 |     yes |     2 |" in said
    assert "Half." in said
    assert "2 signs" in said
    assert "chance 0.500" in said
    assert "numpy" in said
    assert here(toy(1.9)) == 1
    assert "|      NO |" in capsys.readouterr().out
    assert not report.FILE.exists()


def test_results_are_replaced_task_by_task(here):
    here(toy(1.9), "--write")
    cells = ["GRU", *"45678901"]
    other = "\n".join(f"| {' | '.join(row)} |" for row in (report.COLUMNS, ["-"] * len(cells), cells))
    for title in ("11. Other", "2. Next"):
        report.write(title, f"text\n\n{other}\n")
    here(toy(2.0), "--write")
    text = report.FILE.read_text("utf-8")
    assert text.startswith(report.HEAD)
    titles = [line for line in text.splitlines() if line.startswith("## ")]
    assert titles == ["## 1. Toy", "## 2. Next", "## 11. Other"]
    overview = text.split("\n## ")[0]
    assert "| 1. Toy" in overview
    assert "| 11. Other |     GRU |         4 |" in overview
    assert "NO" not in text


def test_a_process_of_its_own_runs_a_task():
    assert suite.apart(math.sqrt, 4.0) == 2.0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["names"], "give --data DIR"),
        (["speech"], "no task 'speech'"),
        (["names", "--seeds", "0"], "1 or more"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_trained(arguments, said, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["run.py", *arguments])
    with pytest.raises(SystemExit) as stopped:
        program.main()
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err
