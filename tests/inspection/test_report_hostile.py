"""Text is data: whatever it holds is shown, and nothing of it becomes part of the page."""

from __future__ import annotations

import tracemalloc
import unicodedata

import numpy as np
import pytest

from elman import Model
from elman.inspection.reporting import paid_text, report
from report_cases import HOSTILE, Page, model_of

OURS = {
    *("html", "head", "meta", "title", "style", "body", "main", "header", "section", "h1", "h2", "h3", "p"),
    *(
        "noscript",
        "div",
        "label",
        "select",
        "input",
        "output",
        "ul",
        "li",
        "i",
        "b",
        "table",
        "caption",
        "tr",
    ),
    *("th", "td", "thead", "figure", "figcaption", "svg", "desc", "path", "g", "text", "details", "summary"),
    *("dl", "dt", "dd", "pre", "script", "circle", "rect", "polygon"),
}


def elements(page: Page) -> dict[str, int]:
    """How often each element stands on a page, the names of characters left out."""
    tags = [tag for tag, _ in page.tags if tag != "b"]
    return {tag: tags.count(tag) for tag in tags}


def named(text: str) -> list[str]:
    """How each character should be shown."""
    return [
        f"U+{ord(c):04X}"
        if (unicodedata.category(c)[0] == "C" and c not in "\n\t") or c in "\u2028\u2029"
        else c
        for c in text
    ]


@pytest.mark.parametrize("lines", [False, True])
def test_hostile_text_is_shown_and_makes_no_element(lines):
    text = HOSTILE * 6  # so that its symbols are signals, too
    page = Page(report(model_of(HOSTILE, lines=lines), text))
    assert page.shown[lines:] == named(text)
    assert elements(page).keys() <= OURS
    tame = "".join(c if c == "\n" else chr(0x4E00 + k % 67) for k, c in enumerate(HOSTILE))
    for tag in ("script", "img", "style", "section", "svg", "figure", "table"):
        other = Page(report(model_of(tame, lines=lines), tame * 6))
        assert elements(page).get(tag) == elements(other).get(tag), tag


def test_no_control_and_no_mark_of_direction_gets_into_a_page():
    html = report(model_of(HOSTILE), HOSTILE * 6, title=HOSTILE, source=HOSTILE)
    html.encode()  # half a pair could not be
    assert {c for c in html if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")} <= {"\n"}


@pytest.mark.parametrize("kind", ["bytes", "words"])
def test_hostile_bytes_and_words(kind):
    text = HOSTILE.replace("\ud800", "")
    page = Page(report(model_of(text, kind=kind), text * 3))
    shown = "".join(page.shown)
    assert elements(page).keys() <= OURS
    assert "<script>alert(1)</script>" in shown
    assert "é漢😀" in shown
    assert "\u202e" not in page.html


def test_bytes_that_are_no_text_are_shown_as_what_cannot_be():
    model = model_of("", kind="bytes")
    assert Page(report(model, b"a\xff\xc3\xa9\xe6")).shown == ["a", "\ufffd", "", "é", "\ufffd"]


def test_names_in_the_file_of_a_model_are_data_too():
    bad = "</script><img src=x onerror=alert(3)>\u202e"
    model = model_of("ab\n")
    record = {
        bad: bad,
        "text": {"name": bad, "sha256": [bad]},
        "history": {"loss": [1], "samples": [[1, bad]]},
    }
    page = Page(report(Model(model.network, model.vocabulary, record), "abba"))
    assert elements(page).keys() <= OURS
    assert "\u202e" not in page.html
    assert any("onerror" in words for words in page.words)


def test_a_line_of_megabytes_costs_only_what_is_looked_at():
    model, text = model_of("ab"), "ab" * 5_000_000
    tracemalloc.start()
    try:
        page = Page(report(model, text, length=50))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert page.shown == list(text[:50])
    assert peak < 20e6  # all of its symbols alone would take 80 MB
    word = Page(report(model_of("x y", kind="words"), "y" * 1_000_000 + " x y", length=50))
    assert [len(shown) for shown in word.shown] == [81, 2, 1]


def test_a_terminal_is_told_nothing_that_moves_its_cursor():
    told = paid_text(model_of(HOSTILE), HOSTILE, 500)
    shown = "".join(one.shown for one in told)
    assert shown.replace("\n", "").isprintable()
    assert "U+001B[31m" in shown
    assert np.isfinite([one.bits for one in told]).all()
