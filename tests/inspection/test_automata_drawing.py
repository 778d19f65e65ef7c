"""The drawing of an automaton: all of the machine is there, names are text, and nothing lies outside."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from automaton_cases import EVEN_PAIRS, PARITY, counter, random_machine
from elman import OptionError
from elman.inspection.automata import Automaton
from elman.inspection.automaton_drawing import draw
from elman.inspection.automaton_layout import diagram

SVG = "{http://www.w3.org/2000/svg}"
MACHINES = {
    "parity": PARITY,
    "even pairs": EVEN_PAIRS,
    "counter": counter(5, (0, 1, -1)).minimized(),
    "one state": Automaton((0, 1), 0, ((0, 0),), (3,)),
    "30 symbols": Automaton(tuple(range(30)), 0, ((1,) * 20 + (0,) * 10, (0,) * 30), (0, 1)),
    "random": random_machine(np.random.default_rng(0), states=23, symbols=4, classes=3),
}
every_machine = pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)


def drawn(machine, **names):
    return ElementTree.fromstring(machine.svg(**names))


def titles(sheet):
    return [group.find(f"{SVG}title").text for group in sheet.iter(f"{SVG}g")]


def circles(sheet):
    return [
        {name: float(circle.get(name)) for name in ("cx", "cy", "r")} for circle in sheet.iter(f"{SVG}circle")
    ]


@every_machine
def test_every_state_and_every_transition_is_there(machine):
    told = titles(drawn(machine))
    states = [f"state {q}: {output if output >= 0 else '–'}" for q, output in enumerate(machine.outputs)]
    assert [title for title in told if title.startswith("state")] == states
    assert told.count("start") == 1
    arrows = set()
    for title in told:
        if found := re.fullmatch(r"(\d+) → (\d+): (.*)", title):
            arrows |= {(int(found[1]), symbol, int(found[2])) for symbol in found[3].split(", ")}
    assert arrows == {
        (q, str(symbol), after)
        for q, row in enumerate(machine.transitions)
        for symbol, after in zip(machine.alphabet, row, strict=True)
    }


@every_machine
def test_a_screen_reader_hears_the_machine(machine):
    sheet = drawn(machine)
    assert (sheet.tag, sheet.get("role")) == (f"{SVG}svg", "img")
    assert sheet[0].tag == f"{SVG}title"
    for q, row in enumerate(machine.transitions):
        answer, leads = re.search(rf"State {q} answers (.*?): (.*?)\.", sheet[0].text).groups()
        assert answer == (str(machine.outputs[q]) if machine.outputs[q] >= 0 else "–")
        expected = {}
        for symbol, after in zip(machine.alphabet, row, strict=True):
            expected.setdefault(after, []).append(str(symbol))
        assert sorted(leads.split("; ")) == sorted(
            f"{', '.join(a)} to {after}" for after, a in expected.items()
        )


@every_machine
def test_states_lie_apart_and_everything_within(machine):
    sheet = drawn(machine)
    left, top, width, height = map(float, sheet.get("viewBox").split())
    places = {(one["cx"], one["cy"]): one["r"] for one in circles(sheet)[::-1]}
    assert len(places) == len(machine)
    centers = np.array(list(places))
    apart = np.hypot(*(centers[:, None] - centers).transpose(2, 0, 1)) + 1e9 * np.eye(len(centers))
    assert apart.min() > 2 * max(places.values())
    for path in sheet.iter(f"{SVG}path"):
        points = np.array(re.findall(r"(-?[\d.]+) (-?[\d.]+)", path.get("d")), float)
        assert ((points >= [left, top]) & (points <= [left + width, top + height])).all()
    for text in sheet.iter(f"{SVG}text"):
        x, y, half = float(text.get("x")), float(text.get("y")), 3.5 * len(text.text)
        assert left <= x - half
        assert x + half <= left + width
        assert top + 7 <= y <= top + height - 7


def test_arrows_end_at_the_states_they_lead_to():
    sheet = drawn(MACHINES["counter"])
    places = {k: complex(one["cx"], one["cy"]) for k, one in enumerate(circles(sheet))}
    seen = 0
    for group in sheet.iter(f"{SVG}g"):
        path, ends = group.find(f"{SVG}path"), re.match(r"(\d+) → (\d+)", group.find(f"{SVG}title").text)
        if path is None or ends is None:
            continue
        begin = complex(*map(float, path.get("d")[1:].split(" C")[0].split()))
        tip = complex(*map(float, group.find(f"{SVG}polygon").get("points").split()[:2]))
        assert abs(begin - places[int(ends[1])]) == pytest.approx(20, abs=0.2)
        assert abs(tip - places[int(ends[2])]) == pytest.approx(22, abs=0.2)
        seen += 1
    assert seen == 15


def test_a_cycle_lies_round_the_circle_whatever_its_numbers():
    """All arrows but loops join neighbors; with states numbered as they are found, many would not."""
    sheet = drawn(MACHINES["counter"])
    places = [complex(one["cx"], one["cy"]) for one in circles(sheet)]
    side = min(abs(one - places[0]) for one in places[1:])
    for q, row in enumerate(MACHINES["counter"].transitions):
        for after in set(row) - {q}:
            assert abs(places[q] - places[after]) == pytest.approx(side, abs=0.2)


def test_acceptance_has_a_double_line_and_other_answers_have_none():
    assert len(circles(drawn(PARITY))) == 3
    assert len(circles(drawn(EVEN_PAIRS))) == 5  # a start without an answer is neither
    assert len(circles(drawn(counter(3, (0, 1))))) == 3


HOSTILE = [
    "</title><script>alert(1)</script>",
    '"onload="alert(1)',
    "&lt;",
    "\0\x07",
    "\u202eabc",
    "\ud800",
    " ",
    "",
]


def test_names_are_text():
    symbols, classes = HOSTILE, HOSTILE[::-1]
    machine = Automaton(tuple(range(8)), 0, [(q,) * 8 for q in range(8)], tuple(range(8)))
    text = machine.svg(symbols=symbols, classes=classes)
    text.encode("utf-8")
    assert text.isprintable()
    sheet = ElementTree.fromstring(text)
    assert {element.tag.removeprefix(SVG) for element in sheet.iter()} == {
        *("svg", "title", "rect", "g", "path", "polygon", "text", "circle"),
    }
    allowed = "role width height viewBox font-family font-size x y fill d stroke stroke-width points cx cy r "
    allowed += "text-anchor dominant-baseline paint-order"
    assert {name for element in sheet.iter() for name in element.attrib} <= set(allowed.split())
    for shown in (
        "</title><script>alert(1)</script>",
        '"onload="alert(1)',
        "&lt;",
        r"\x00\x07",
        r"\u202eabc",
        r"\ud800",
    ):
        assert f"state {HOSTILE[::-1].index(_hostile(shown))}: {shown}" in titles(sheet)
    assert {"state 0: ∅", "state 1: ␣"} <= set(titles(sheet))


def _hostile(shown):
    back = {r"\x00\x07": "\0\x07", r"\u202eabc": "\u202eabc", r"\ud800": "\ud800"}
    return back.get(shown, shown)


def test_colors_are_those_of_the_page():
    text = PARITY.svg()
    assert {"var(--ink, #222)", "var(--paper, #fff)", "var(--accent, #0a58ca)"} == {
        color for color in re.findall(r'(?:fill|stroke)="([^"]*)"', text) if color != "none"
    }
    assert 'id="' not in text
    assert "url(" not in text


def test_names_stand_in_the_drawing_and_missing_ones_are_refused():
    shown = [
        text.text for text in drawn(PARITY, symbols=["a", "b"], classes=["even", "odd"]).iter(f"{SVG}text")
    ]
    assert sorted(shown) == ["a", "a", "b", "b", "even", "odd"]
    with pytest.raises(OptionError, match="symbols has 1 names; there must be one for 1, too"):
        PARITY.svg(symbols=["a"])
    with pytest.raises(OptionError, match="classes has 0 names"):
        PARITY.svg(classes=[])


def test_what_is_long_is_cut_where_it_is_drawn_and_whole_where_it_is_pointed_at():
    sheet = ElementTree.fromstring(draw(diagram([[0] * 6], 0, [f"{k}" * 15 for k in range(6)], ["a" * 30])))
    shown = [text.text for text in sheet.iter(f"{SVG}text")]
    assert shown == [", ".join(f"{k}" * 11 + "…" for k in range(4)) + " + 2 more", "a" * 11 + "…"]
    assert f"state 0: {'a' * 30}" in titles(sheet)
    assert f"0 → 0: {', '.join(f'{k}' * 15 for k in range(6))}" in titles(sheet)


def test_notebooks_draw_it():
    assert PARITY._repr_svg_() == PARITY.svg()
