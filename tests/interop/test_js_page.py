"""The page in a real browser: typed into, edited, written on, and attacked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from js_cases import HOSTILE, LINES, language_model, needs_browser, opened

import elman
from elman.data import Vocabulary
from elman.errors import OptionError
from elman.interop.js import page

LETTERS = Vocabulary("chars", ("<unk>", "\n", " ", "a", "b", "c", "ä", "🙂"))
FOCUS = "document.activeElement.id"
TEXT = "document.getElementById('text').value"
BARS = """[...document.querySelectorAll('#chances li')].map((item) => [
    item.querySelector('.name').textContent,
    item.querySelector('.share').textContent,
    item.querySelector('.bar').style.width])"""
NARROW = 320  # pixels


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("profile")) as tab:
        yield tab


def shown(
    tab, folder: Path, vocabulary: Vocabulary, title: str = "A title", lines: bool = False, **options
) -> elman.Network:
    network = language_model(vocabulary, **options)
    path = folder / "page.html"
    path.write_text(page(network, vocabulary, title, lines=lines), "ascii")
    tab.open(path)
    tab.value("document.getElementById('text').focus()")
    return network


def expected(network: elman.Network, vocabulary: Vocabulary, text: str) -> np.ndarray:
    """What comes after a line end and the text."""
    symbols = [vocabulary.line_end, *vocabulary.encode(text)]
    return elman.softmax(network.run(np.array(symbols))[0][-1])


def agrees(tab, network: elman.Network, vocabulary: Vocabulary, text: str) -> None:
    """Are the bars those of our engine, in their order, in words to a tenth of a percent?"""
    p, bars = expected(network, vocabulary, text), tab.value(BARS)
    assert len(bars) == min(12, len(p))
    top = np.sort(100 * p)[::-1][: len(bars)]
    shares = [0.0 if "<" in share else float(share.removesuffix(" %")) for _, share, _ in bars]
    assert np.abs(top - shares).max() <= 0.0501
    assert np.abs(top - [float(width.removesuffix("%")) for *_, width in bars]).max() <= 5e-4
    names = {"\n": "\u23ce line end", " ": "\u2423 blank"}
    best = int(p.argmax())
    wanted = "unknown" if best == 0 else names.get(vocabulary.symbols[best], vocabulary.symbols[best])
    assert bars[0][0] == wanted


@needs_browser
@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_what_is_typed_moves_the_distribution_as_our_engine_says(tab, tmp_path, cell):
    network = shown(tab, tmp_path, LETTERS, cell=cell)
    with_line = network.run(np.array([1]))[0][-1]
    assert np.isfinite(with_line).all()
    agrees(tab, network, LETTERS, "")
    before = tab.value(BARS)
    for text in ("ab", "ab ca", "ab ca\nbä🙂", "ab ca\nbä🙂?"):  # the last is new to the network
        tab.value("document.getElementById('text').value = ''")
        tab.type(text)
        assert tab.value(TEXT) == text
        agrees(tab, network, LETTERS, text)
    assert tab.value(BARS) != before
    assert tab.faults() == []


@needs_browser
def test_edits_far_back_give_what_typing_anew_gives(tab, tmp_path):
    network = shown(tab, tmp_path, LETTERS)
    long = "".join(np.random.default_rng(0).choice(list("abc \n"), 280))
    tab.type(long)
    agrees(tab, network, LETTERS, long)
    for place, piece in ((276, "c"), (277, ""), (150, "cc"), (3, ""), (64, "b"), (128, "a"), (0, "c")):
        now = tab.value(TEXT)
        tab.value(f"document.getElementById('text').setSelectionRange({place}, {place + 1})")
        if piece:
            tab.type(piece)
        else:
            tab.press("Backspace", 8)
        wanted = now[:place] + piece + now[place + 1 :]
        assert tab.value(TEXT) == wanted
        agrees(tab, network, LETTERS, wanted)
    tab.value("document.getElementById('clear').click()")
    assert tab.value(TEXT) == ""
    agrees(tab, network, LETTERS, "")


@needs_browser
def test_it_writes_on_by_keyboard_and_stops(tab, tmp_path):
    network = shown(tab, tmp_path, LETTERS)
    tab.type("ab")
    tab.press("Tab", 9)
    assert tab.value(FOCUS) == "write"
    tab.value("document.getElementById('temperature').value = 0")
    tab.press("Enter", 13, "\r")
    tab.wait(f"{TEXT}.length > 30")
    tab.press("Enter", 13, "\r")
    written = tab.value(TEXT)
    text = "ab"
    while len(text) < len(written):
        p = expected(network, LETTERS, text)
        text += LETTERS.symbols[1 + int(p[1:].argmax())]  # never the unknown one
    assert written == text
    agrees(tab, network, LETTERS, text)
    tab.value("new Promise((done) => setTimeout(done, 200))")
    assert tab.value(TEXT) == written  # it has stopped
    tab.value("document.getElementById('text').focus()")
    tab.type("c")  # and a person goes on
    agrees(tab, network, LETTERS, tab.value(TEXT))


@needs_browser
def test_it_stops_where_the_field_is_full(tab, tmp_path):
    shown(tab, tmp_path, LETTERS)
    tab.value("document.getElementById('text').maxLength = 5")
    tab.value("document.getElementById('write').click()")
    assert tab.value("document.getElementById('write').textContent") == "Stop"
    tab.wait("document.getElementById('write').textContent === 'Write on'")
    assert 5 <= tab.value(f"{TEXT}.length") <= 6  # the last symbol may be two units of UTF-16


@needs_browser
def test_each_line_begins_afresh_where_the_network_was_trained_on_lines(tab, tmp_path):
    network = shown(tab, tmp_path, LETTERS, lines=True)
    tab.type("abba\nc")
    tab.type("a")
    agrees(tab, network, LETTERS, "ca")
    with pytest.raises(AssertionError):  # which is not what all lines together would give
        agrees(tab, network, LETTERS, "abba\nca")


@needs_browser
def test_a_bar_that_is_chosen_is_read(tab, tmp_path):
    network = shown(tab, tmp_path, LETTERS)
    tab.type("ca")
    closed = tab.value("[...document.querySelectorAll('#chances :disabled .name')].map((e) => e.textContent)")
    assert closed == ["unknown"]  # the only one that cannot be written
    best = 1 + int(expected(network, LETTERS, "ca")[1:].argmax())
    tab.value("document.querySelector('#chances button:not(:disabled)').click()")
    text = "ca" + LETTERS.symbols[best]
    assert tab.value(TEXT) == text
    agrees(tab, network, LETTERS, text)
    tab.type("bb")
    best = 1 + int(expected(network, LETTERS, text + "bb")[1:].argmax())
    tab.value("document.querySelector('#chances button:not(:disabled)').click()")
    assert tab.value(TEXT) == text + "bb" + LETTERS.symbols[best]
    agrees(tab, network, LETTERS, tab.value(TEXT))


@needs_browser
@pytest.mark.parametrize(
    "vocabulary", [HOSTILE, LINES, Vocabulary("bytes", ())], ids=["words", "chars", "bytes"]
)
def test_hostile_vocabularies_and_text_are_only_text(tab, tmp_path, vocabulary):
    network = shown(tab, tmp_path, vocabulary)
    text = " ".join(symbol for symbol in vocabulary.symbols[2:] if "\0" not in symbol)
    tab.type(text or "</textarea><script>document.title='owned'</script>\u00e4\U0001f642")
    read = tab.value(TEXT)
    p = np.sort(expected(network, vocabulary, read))[::-1]
    top = tab.value(BARS)[0][1]
    assert abs(float(top.removesuffix(" %")) - 100 * p[0]) <= 0.0501
    for _ in range(5):
        tab.value("document.querySelector('#chances button:not(:disabled)').click()")
    assert tab.value("document.title") == "A title"
    assert tab.value("document.querySelectorAll('script').length") == 1
    assert tab.value("document.querySelectorAll('img').length") == 0
    assert tab.faults() == []
    assert all(url.endswith("/page.html") for url in tab.requests())


@needs_browser
def test_half_a_surrogate_pair_is_unknown(tab, tmp_path):
    network = shown(tab, tmp_path, LETTERS)
    tab.value(
        "text = document.getElementById('text'), text.value = 'a\\ud83db',"
        "text.dispatchEvent(new Event('input'))"
    )
    agrees(tab, network, LETTERS, "a?b")
    assert tab.faults() == []


@needs_browser
def test_the_policy_lets_nothing_else_run(tab, tmp_path):
    shown(tab, tmp_path, LETTERS)
    tab.value(
        "made = document.createElement('script'), made.textContent = 'document.title = `owned`',"
        "document.body.append(made)"
    )
    tab.value("fetch('https://example.org/').catch(() => 0).then(() => 0)")
    assert tab.value("document.title") == "A title"
    said = tab.faults()
    assert any("script-src" in one for one in said)
    assert any("default-src" in one or "connect-src" in one for one in said)


@needs_browser
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_contrasts_suffice_and_a_narrow_screen_holds_it(tab, tmp_path, dark):
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    tab.ask("Emulation.setEmulatedMedia", features=[scheme])
    tab.ask("Emulation.setDeviceMetricsOverride", width=NARROW, height=600, deviceScaleFactor=1, mobile=True)
    shown(tab, tmp_path, HOSTILE, title="long" * 40)
    assert tab.value("document.documentElement.scrollWidth") <= NARROW
    edges = tab.value("[...document.querySelectorAll('.share')].map((e) => e.getBoundingClientRect().right)")
    assert len(edges) == 12
    assert max(edges) <= NARROW
    colors = {
        name: tab.value(f"getComputedStyle(document.documentElement).getPropertyValue('--{name}').trim()")
        for name in ("paper", "ink", "quiet", "line", "bar", "mark")
    }
    assert (_light(colors["paper"]) < 0.1) == dark
    for one, other, least in (
        ("ink", "paper", 7),
        ("ink", "bar", 7),
        ("quiet", "paper", 4.5),
        ("line", "paper", 3),
        ("mark", "paper", 4.5),
    ):
        assert _contrast(colors[one], colors[other]) >= least, (one, other)
    tab.ask("Emulation.clearDeviceMetricsOverride")


def _light(color: str) -> float:
    """The relative luminance of #rrggbb, by WCAG 2."""
    parts = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def _contrast(one: str, other: str) -> float:
    dark, light = sorted((_light(one), _light(other)))
    return (light + 0.05) / (dark + 0.05)


@needs_browser
def test_a_screen_reader_finds_names_and_hears_what_comes_next(tab, tmp_path):
    shown(tab, tmp_path, LETTERS)
    nodes = tab.ask("Accessibility.getFullAXTree")["nodes"]
    found = [
        (node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if "role" in node
    ]
    named = {role: name for role, name in found if role in ("textbox", "slider", "list")}
    assert named["textbox"].startswith("Type")
    assert named["slider"].startswith("Temperature")
    assert named["list"] == "Next"
    buttons = [name for role, name in found if role == "button"]
    assert buttons[:2] == ["Write on", "Clear"]
    assert all("%" in name for name in buttons[2:])
    assert len(buttons) == 2 + min(12, LETTERS.size)
    tab.type("a")
    tab.wait("document.getElementById('told').textContent.startsWith('Next: ')")


def test_lines_need_a_line_end():
    vocabulary = Vocabulary("chars", ("<unk>", "a"))
    with pytest.raises(OptionError, match="line end"):
        page(language_model(vocabulary), vocabulary, "x", lines=True)


def test_titles_are_text_and_the_page_is_ascii():
    network = language_model(LETTERS)
    text = page(network, LETTERS, "</title><script>x</script>\0\ud800 @SCRIPT@ ä")
    assert (
        "<title>&lt;/title&gt;&lt;script&gt;x&lt;/script&gt;&#65533;&#65533; @SCRIPT@ &#228;</title>" in text
    )
    assert text.isascii()
    assert text.count("<script") == text.count("</script>") == 1
    hostile = page(language_model(HOSTILE), HOSTILE, "x")
    assert hostile.count("<script") == hostile.count("</script>") == 1
    assert hostile.count("<!--") == 1  # our own, at the beginning


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"vocabulary": None}, "does not predict"),
        ({"head": "sigmoid"}, "does not predict"),
        ({"output_size": 5}, "does not predict"),
        ({"readout": "last"}, "one answer"),
        ({"feature_size": 2}, "features"),
        ({"bidirectional": True}, "bidirectional"),
    ],
)
def test_a_network_with_nothing_to_show_gets_no_page(options, why):
    given = {"input_size": 8, "hidden_size": 4, "output_size": 8, **options}
    vocabulary = given.pop("vocabulary", LETTERS)
    with pytest.raises(OptionError, match=why):
        page(elman.Network(**given), vocabulary, "x")
