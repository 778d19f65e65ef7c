"""The report: what stands on the page is what the network says, computed here once more."""

from __future__ import annotations

import base64
import hashlib
import re

import numpy as np
import pytest

from elman import DataError, FormatError, Model, Network, OptionError, ShapeError
from elman.data import Layout, Preparation
from elman.inspection import trace
from elman.inspection.reporting import paid_text, report
from elman.inspection.reporting.lettering import text_html
from elman.inspection.reporting.passage import Passage
from elman.numerics import log_softmax
from inspection_cases import every_cell, every_engine
from report_cases import Page, model_of, network_on

TEXT = 'He said "to be, or not to be" (twice).\nShe said "no" and left.\n' * 4


def chances(model: Model, text: str, reset: np.ndarray | None = None) -> np.ndarray:
    y, _ = model.network.run(model.vocabulary.encode(text), reset=reset)
    return np.exp(log_softmax(y.astype(np.float64)))


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(report(model_of(TEXT), TEXT, title="a < b", source="a & b"))


def test_the_text_is_all_there_one_element_a_symbol(page):
    assert page.shown == list(TEXT)
    assert page.lines == TEXT.count("\n") + (not TEXT.endswith("\n"))
    assert page.inside["title"] == "a < b"
    assert any("252 symbols of a & b." in words for words in page.words)


def test_colors_are_the_classes_of_what_each_symbol_cost(page):
    model = model_of(TEXT)
    p = chances(model, TEXT)[:-1]
    bits = -np.log2(p[np.arange(len(p)), model.vocabulary.encode(TEXT)[1:]])
    classes = [0, *(sum(cost >= edge for edge in (1, 2, 4, 6, 8)) for cost in bits)]
    assert len(set(classes)) > 3
    wanted = [
        f"{'n ' * (c == chr(10))}{f's{k}' * bool(k)}".strip() for c, k in zip(TEXT, classes, strict=True)
    ]
    assert page.classes == wanted
    told = page.steps()
    np.testing.assert_allclose(told["cost"][1:] / 100, bits, atol=0.00501)


def test_what_is_told_of_each_step_is_what_the_network_expected(page):
    model, told, facts = model_of(TEXT), page.steps(), page.facts
    p = chances(model, TEXT)
    best = np.argsort(-p, axis=1, kind="stable")[:, :5]
    names = np.array(facts["names"])
    spelled = [[model.vocabulary.symbols[k] for k in row] for row in best.tolist()]
    shown = names[told["top"]].reshape(best.shape).tolist()
    special = {"\n": "⏎ line end", " ": "␣ blank", "<unk>": "unknown"}
    assert shown == [[special.get(symbol, symbol) for symbol in row] for row in spelled]
    probable = np.take_along_axis(p, best, axis=1)
    np.testing.assert_allclose(told["chances"].reshape(best.shape) / 1000, probable, atol=0.000501)
    entropy = -(p * np.log2(p)).sum(axis=1)
    np.testing.assert_allclose(told["entropy"] / 100, entropy, atol=0.00501)
    after = model.vocabulary.encode(TEXT)[1:]
    ranks = 1 + (p[:-1] > p[np.arange(len(after)), after][:, None]).sum(axis=1)
    np.testing.assert_array_equal(told["rank"][1:], ranks)


@every_engine
@every_cell
def test_units_and_gates_are_carried_to_half_a_level(cell, engine):
    model = model_of(TEXT, cell=cell, num_layers=2, engine=engine)
    seen = trace(model.network, model.vocabulary.encode(TEXT))
    carried = Page(report(model, TEXT)).units()
    wanted = seen.states | seen.gates
    assert carried.keys() == wanted.keys()
    for name, (values, step) in carried.items():
        away = np.abs(values - wanted[name].T).max(axis=1)
        assert (away <= 0.5 * step + 1e-5).all(), name
        assert (step < 0.05).all()


def test_what_units_follow_is_their_correlation(page):
    model, facts = model_of(TEXT), page.facts
    h = trace(model.network, model.vocabulary.encode(TEXT)).states["layers.0.h"]
    quoted, inside = [], False
    for character in TEXT:
        inside ^= character == '"'
        quoted.append(inside)
    signals = {
        "inside quotation marks": quoted,
        "capital letter": [c.isupper() for c in TEXT],
        "e": [c == "e" for c in TEXT],
        "place in the line": [k for line in TEXT.splitlines(keepends=True) for k in range(len(line))],
        "inside brackets": [TEXT[: k + 1].count("(") > TEXT[: k + 1].count(")") for k in range(len(TEXT))],
    }
    for name, signal in signals.items():
        r = [np.corrcoef(unit, signal)[0, 1] for unit in h.T]
        told = np.array(facts["follows"]["layers.0.h"][facts["signals"].index(name)]) / 100
        np.testing.assert_allclose(told, r, atol=0.0051, err_msg=name)
    best = max(range(7), key=lambda k: abs(np.corrcoef(h[:, k], quoted)[0, 1]))
    assert re.search(rf"inside quotation marks</th><td>layers\.0\.h {best}</td>", page.html)


def test_lines_begin_anew_each():
    model = model_of(TEXT, lines=True)
    page = Page(report(model, TEXT))
    assert page.shown == ["", *TEXT]  # the line end before the first line comes first, and shows nothing
    line = chances(model, "\n" + TEXT.split("\n")[1] + "\n")
    symbols = model.vocabulary.encode(TEXT.split("\n")[1] + "\n")
    bits = -np.log2(line[np.arange(len(symbols)), symbols])
    start = 1 + TEXT.index("\n") + 1
    told = page.steps()["cost"][start : start + len(bits)] / 100
    np.testing.assert_allclose(told, bits, atol=0.00501)
    streamed = Page(report(model_of(TEXT), TEXT)).steps()["cost"][start - 1 : start - 1 + len(bits)] / 100
    assert np.abs(streamed - bits).max() > 0.1  # else it would not matter


def test_numbers_instead_of_symbols():
    preparation = Preparation(Layout(("load",), inputs=("load", "sun"), window=5, target_kind="numbers"))
    network = Network("gru", input_size=2, hidden_size=6, output_size=1, head="squared", readout="last")
    x = np.random.default_rng(5).normal(size=(40, 2))
    reset = np.arange(40) % 5 == 0
    page = Page(report(Model(network, None, {}, None, preparation.to_facts()), x, reset=reset, length=30))
    assert page.facts["inputs"] == ["load", "sun"]
    assert page.facts["steps"] == 30
    values, step = page.units()["inputs"]
    assert (np.abs(values - x[:30].T).max(axis=1) <= 0.51 * step).all()
    wanted = trace(network, x[:30], reset=reset[:30]).states["layers.0.h"]
    assert np.abs(page.units()["layers.0.h"][0] - wanted.T).max() < 0.005
    assert "i" not in {tag for tag, _ in page.tags}


def test_labels_of_texts_are_told_by_their_names():
    model = model_of("abc\n")
    network = Network("gru", input_size=5, hidden_size=4, output_size=2, readout="last")
    preparation = Preparation(Layout(("kind",), text="name", target_kind="labels"), labels=("<odd>", "even"))
    page = Page(report(Model(network, model.vocabulary, {}, None, preparation.to_facts()), ["ab", "", "cab"]))
    assert page.shown == ["a", "b\n", "c", "a", "b\n"]
    assert page.facts["answers"] == ["<odd>", "even"]
    assert not any(page.classes)  # nothing was predicted of the letters, so none has a color
    assert "surprisal" not in page.facts["signals"]
    y, _ = network.run(model.vocabulary.encode("cab"))
    told = page.steps()
    assert told["top"][-2] == np.argmax(y)
    assert told["chances"][-2] == round(1000 * float(np.exp(log_softmax(y)).max()))


def test_a_long_text_is_cut_and_the_page_says_so():
    model = model_of(TEXT)
    page = Page(report(model, TEXT * 1000, length=100))
    assert page.shown == list(TEXT[:100])
    assert any("The first 100 symbols" in words for words in page.words)
    whole = Page(report(model, TEXT[:100], length=100))
    assert any("All 100 symbols" in words for words in whole.words)
    np.testing.assert_array_equal(whole.steps()["cost"], page.steps()["cost"])


def test_the_policy_names_the_only_script_and_the_only_style(page):
    policy = next(about["content"] for tag, about in page.tags if "http-equiv" in about)
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    for name in ("script", "style"):
        found = re.findall(rf"<{name}(?: type=\"module\")?>(.*?)</{name}>", page.html, re.DOTALL)
        assert len(found) == 1, name
        digest = base64.b64encode(hashlib.sha256(found[0].encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy
    kinds = [about.get("type") for tag, about in page.tags if tag == "script"]
    assert kinds == ["application/json", "text/plain", "text/plain", "module"]
    where = [
        value for _, about in page.tags for name, value in about.items() if name in ("src", "href", "srcset")
    ]
    assert where == []
    assert [
        name for _, about in page.tags for name in about if name.startswith("on") or name == "style"
    ] == []


def test_a_record_tells_the_curves_and_the_samples():
    history = {
        "every": 50,
        "loss": [3.0, 2.0],
        "validation": [[50, 2.5], [100, 1.9]],
        "samples": [[50, "xq<b>"]],
    }
    model = model_of(TEXT)
    page = report(Model(model.network, model.vocabulary, {"history": history}), TEXT)
    assert "<td>3</td><td></td>" in page
    assert "<td></td><td>1.9</td>" in page
    assert "<h3>After 50 steps</h3><pre>xq&lt;b&gt;</pre>" in page
    assert '<h2 id="training' not in report(model, TEXT)
    with pytest.raises(FormatError, match="history"):
        report(Model(model.network, model.vocabulary, {"history": {"loss": "<script>"}}), TEXT)


def test_the_automaton_of_a_network_on_few_symbols_and_of_no_other():
    few = report(model_of("ab\n"), "abba\n" * 9)
    assert '<section id="automaton"' in few
    assert '<section id="automaton"' not in report(model_of("abcdefghijk"), "abcdefghijk" * 9)


@pytest.mark.parametrize(
    ("error", "words", "network"),
    [
        (OptionError, "bidirectional", {"bidirectional": True}),
        (OptionError, "mean", {"readout": "mean"}),
    ],
)
def test_what_has_no_single_pass_is_refused(error, words, network):
    vocabulary = model_of("ab").vocabulary
    with pytest.raises(error, match=words):
        report(Model(network_on(vocabulary.size, **network), vocabulary), "abab")


def test_what_cannot_be_read_is_refused():
    model = model_of("ab")
    with pytest.raises(DataError, match="less than 2 symbols; 2 or more are needed"):
        report(model, "a")
    with pytest.raises(DataError, match="each of them is empty"):
        report(model, ["", ""])
    with pytest.raises(OptionError, match="reset"):
        report(model, "ab", reset=[True, False])
    with pytest.raises(DataError, match="no step"):
        report(Model(model.network), np.zeros(0, int))
    with pytest.raises(ShapeError):
        report(Model(model.network), np.zeros((4, 9)))


def test_a_terminal_is_told_the_same_costs():
    model = model_of(TEXT)
    told = paid_text(model, TEXT, 60)
    assert "".join(one.shown for one in told) == TEXT[:60]
    assert [one.known for one in told] == [False] + 59 * [True]
    p = chances(model, TEXT[:60])[:-1]
    bits = -np.log2(p[np.arange(59), model.vocabulary.encode(TEXT[1:60])])
    np.testing.assert_allclose([one.bits for one in told[1:]], bits, rtol=1e-5)


def test_a_long_line_is_broken_after_a_blank():
    text = "word " * 300 + "w" * 2500
    pieces = text_html(Passage(np.arange(len(text)), None, tuple(text)), None).split("</div><div>")
    lengths = [piece.count("<i>") for piece in pieces]
    assert lengths == [505, 505, 1001, 1001, 988]
    assert [piece.removesuffix("</div>").endswith("<i> </i>") for piece in pieces] == [True, True] + [
        False
    ] * 3
