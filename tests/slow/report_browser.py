"""The report in a browser: pytest -m slow tests/slow/report_browser.py, a minute.

Needs playwright and a Chromium on the path. Screenshots, to be looked at, go to the folder that
REPORT_SCREENSHOTS names. Figures of speed are for a machine that does nothing else.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "inspection")]

from elman import Model  # noqa: E402
from elman.data import shakespeare  # noqa: E402
from elman.inspection import surprisal, trace  # noqa: E402
from elman.inspection.reporting import report  # noqa: E402
from report_cases import HOSTILE, Page, model_of  # noqa: E402

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")]

TEXT = 'He said "to be, or not to be" (twice).\nShe said "no" and left.\n' * 8
SHAKEN = shakespeare.text()[:20_001]
READY = "html[data-ready]"
MOST_BYTES, MOST_SECONDS, MOST_HOVER = 4_000_000, 5.0, 100.0
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Opened:
    """A page in a browser, and all that it said, asked for or wanted to run."""

    def __init__(self, browser: Any, path: Path, ready: str = READY, **options: Any) -> None:
        self.context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}} | options)
        self.page = self.context.new_page()
        self.said: list[str] = []
        for event in ("console", "pageerror", "dialog"):
            self.page.on(
                event, lambda one, event=event: self.said.append(f"{event}: {getattr(one, 'text', one)}")
            )
        self.page.on("requestfailed", lambda one: self.said.append(f"failed: {one.failure}"))
        self.page.on("request", lambda one: self.said.append(f"request: {one.url}"))
        self.page.goto(path.as_uri())
        self.page.wait_for_selector(ready, state="attached")
        self.said.remove(f"request: {path.as_uri()}")

    def __enter__(self) -> Any:
        return self.page

    def __exit__(self, kind: object, *_: object) -> None:
        self.context.close()
        assert kind is not None or self.said == []


def written(folder: Path, model: Model, text: Any, **options: Any) -> Path:
    path = folder / "report.html"
    path.write_text(report(model, text, **options), "utf-8")
    return path


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    history = {
        "every": 50,
        "loss": [3, 2.2, 2.0],
        "validation": [[75, 2.4], [150, 2.1]],
        "samples": [[75, "xqz"]],
    }
    model = model_of(TEXT, cell=("gru", "tanh"), num_layers=2)
    model = Model(model.network, model.vocabulary, {"history": history})
    return written(tmp_path_factory.mktemp("small"), model, TEXT, title="A small network")


@pytest.fixture(scope="module", params=["elman", "lstm"])
def large(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """20,000 symbols, 256 units; and how long the page took."""
    model = model_of(SHAKEN, cell=(request.param, "tanh"), hidden_size=256)
    model.network.parameters.flat[:] *= 0.3  # states that are spread over their range
    start = time.perf_counter()
    path = written(tmp_path_factory.mktemp("large"), model, SHAKEN)
    return path, time.perf_counter() - start


def shot(page: Any, name: str, **options: Any) -> None:
    if folder := os.environ.get("REPORT_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", **options)


def symbol(page: Any, k: int) -> Any:
    return page.locator("#text i").nth(k)


# A hover, from the event to the frame after it; the unit is one of those that are drawn.
HOVER = """async ([first, count]) => {
  const elements = document.querySelectorAll("#text i");
  const times = [];
  for (let k = first; k < first + count; k++) {
    await new Promise(requestAnimationFrame);
    const start = performance.now();
    elements[k].dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    times.push(performance.now() - start);
  }
  return times;
}"""


def test_a_large_page_is_small_and_quick(browser, large, capsys):
    path, seconds = large
    size = path.stat().st_size
    with Opened(browser, path) as page:
        opened = page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
        hovers = page.evaluate(HOVER, [400, 30])
        page.select_option("#color", index=9)
        colored = page.evaluate(HOVER, [900, 30])
        assert page.evaluate("document.querySelectorAll('#text i').length") == 20_000
        assert page.evaluate("document.querySelectorAll('#text i[class]:not([class=\"\"])').length") > 10_000
    with capsys.disabled():
        print(
            f"\n{size:,} bytes, made in {seconds:.1f} s, open after {opened:.0f} ms; "
            f"a hover takes {np.median(hovers):.0f} ms (slowest {max(*hovers, *colored):.0f})"
        )
    assert size < MOST_BYTES
    assert seconds < MOST_SECONDS
    assert np.median(hovers) < MOST_HOVER
    assert np.median(colored) < MOST_HOVER


def test_what_is_pointed_at_is_told(browser, small):
    model = model_of(TEXT, cell=("gru", "tanh"), num_layers=2)
    symbols = model.vocabulary.encode(TEXT)
    paid = surprisal(model.network, symbols[:-1], symbols[1:], top=5)
    seen = trace(model.network, symbols)
    with Opened(browser, small) as page:
        page.select_option("#color", "layers.1.h 3")
        for k in (1, 20, 77):
            symbol(page, k).hover()
            told = page.locator("#here").text_content()
            assert f"cost {paid.bits[k - 1]:.2f} bits" in told
            value = float(re.search(r"layers\.1\.h 3 = ([−\d.]+)", told)[1].replace("−", "-"))
            assert value == pytest.approx(seen.states["layers.1.h"][k, 3], abs=0.011)
            shares = page.locator("#next td").all_text_contents()
            assert shares == [f"{100 * p:.1f} %" for p in paid.top_probabilities[k]]
            came = page.locator("#next tr.came").count()
            assert came == (symbols[k + 1] in paid.top_symbols[k])


def test_a_unit_is_found_by_what_it_follows_and_colors_the_text(browser, small):
    facts = Page(small.read_text("utf-8")).facts
    which = facts["signals"].index("inside quotation marks")
    place, unit = max(
        ((place, k) for place, r in facts["follows"].items() for k in range(len(r[which]))),
        key=lambda one: abs(facts["follows"][one[0]][which][one[1]]),
    )
    seen = trace(model_of(TEXT, cell=("gru", "tanh"), num_layers=2).network, _symbols())
    with Opened(browser, small) as page:
        page.get_by_label("Unit, or what it follows").fill("QUOTATION")
        page.locator("#found button").first.click()
        assert page.locator("#found button").first.text_content().startswith(f"{place} {unit}: ")
        assert page.input_value("#color") == f"{place} {unit}"
        classes = page.evaluate("[...document.querySelectorAll('#text i')].map((e) => e.className)")
        for name, value in zip(classes, seen.states[place][:, unit], strict=True):
            level = int(re.search(r"[pm](\d)", f"{name} p0")[1])
            assert level == pytest.approx(7 * abs(value), abs=0.55)
            assert level == 0 or ("m" in name) == (value < 0)
        page.get_by_label("Unit, or what it follows").fill("5")
        assert page.locator("#found button").all_text_contents() == ["layers.0.h 5", "layers.1.h 5"]
        page.get_by_label("Color by").select_option("cost")
        assert page.evaluate("document.querySelectorAll('#text i')[3].className").startswith("s")


def _symbols() -> Any:
    return model_of(TEXT).vocabulary.encode(TEXT)


def test_the_keyboard_goes_everywhere_and_is_heard(browser, small):
    with Opened(browser, small) as page:
        page.locator("#text").focus()
        for key, step in (("ArrowRight", 2), ("ArrowRight", 3), ("ArrowLeft", 2), ("End", 504), ("Home", 1)):
            page.keyboard.press(key)
            assert page.locator("#step").text_content() == f"{step} of 504", key
        page.keyboard.press("ArrowDown")
        assert page.locator("#step").text_content() == "40 of 504"  # below the first letter, on the next line
        page.wait_for_timeout(600)
        told = page.locator("#told")
        assert told.get_attribute("role") == "status"
        assert "Expected next" in told.text_content()
        place = page.get_by_role("slider")
        place.focus()
        page.keyboard.press("ArrowRight")
        assert page.locator("#step").text_content() == "41 of 504"
        assert place.get_attribute("aria-valuetext") == page.locator("#here").text_content()
        names = [page.evaluate("document.activeElement.id")]
        for _ in range(3):
            page.keyboard.press("Shift+Tab")
            names.append(page.evaluate("document.activeElement.id"))
        assert names == ["place", "text", "find", "color"]


def test_charts_have_names_captions_and_numbers(browser, small):
    with Opened(browser, small) as page:
        charts = page.locator("figure:not(#near) > svg")
        assert charts.count() >= 6
        for k in range(charts.count()):
            chart = charts.nth(k)
            assert chart.get_attribute("role") == "img"
            assert chart.locator("> title").text_content().strip()
            figure = chart.locator("..")
            assert figure.locator("figcaption").text_content().strip()
            assert figure.locator("details table tr").count() > 2


def test_without_javascript_the_text_and_the_charts_are_there(browser, small):
    with Opened(browser, small, ready="#text", java_script_enabled=False) as page:
        assert page.locator("noscript p").is_visible()
        assert page.locator("#text").inner_text().replace("⏎", "").strip() == TEXT.strip()
        assert symbol(page, 5).is_visible()
        assert not page.locator("#panel").is_visible()
        assert page.locator("#gradient svg").is_visible()
        shot(page, "plain")


def test_a_browser_that_cannot_inflate_says_so(browser, small, tmp_path):
    path = tmp_path / "old.html"
    html = small.read_text("utf-8").replace("DecompressionStream(", "NoSuchThing(")
    html = re.sub(r"script-src '[^']*'", "script-src 'unsafe-inline'", html)
    path.write_text(html, "utf-8")
    with Opened(browser, path, ready="#failed:not([hidden])") as page:
        assert "cannot unpack" in page.locator("#failed").text_content()
        assert symbol(page, 5).is_visible()


def test_another_script_does_not_run(browser, small, tmp_path):
    """The policy is seen to hold: what is planted in the page is refused, and the browser says so."""
    path = tmp_path / "planted.html"
    planted = (
        "<script>document.title = 'run'</script><img src='https://example.invalid/x' onerror='alert(1)'>"
    )
    path.write_text(small.read_text("utf-8").replace("<header>", planted + "<header>"), "utf-8")
    opened = Opened(browser, path)
    assert opened.page.title() == "A small network"
    assert len([one for one in opened.said if "Content Security Policy" in one]) >= 2
    assert "failed: csp" in opened.said  # nothing was sent
    assert not [one for one in opened.said if one.startswith("dialog")]
    opened.context.close()


@pytest.mark.parametrize("lines", [False, True])
def test_hostile_text_is_shown_and_runs_nothing(browser, tmp_path, lines):
    model = model_of(HOSTILE, lines=lines)
    record = {"lines": lines, "text": {"name": HOSTILE}, HOSTILE.replace("\ud800", ""): 1}
    path = written(
        tmp_path, Model(model.network, model.vocabulary, record), HOSTILE * 8, title=HOSTILE, source=HOSTILE
    )
    with Opened(browser, path) as page:
        page.get_by_label("Unit, or what it follows").fill("<")
        page.locator("#found button").first.click()
        symbol(page, 12).hover()
        assert "<script>alert(1)" in page.locator("#text").inner_text()
        assert page.locator("img").count() == 0
        assert page.locator("script").count() == 4
        shot(page, f"hostile-{lines}")


def luminance(color: Any) -> float:
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in np.array(color[:3]) / 255]
    return float(np.dot([0.2126, 0.7152, 0.0722], parts))


def over(color: Any, paper: Any) -> Any:
    alpha = color[3] if len(color) > 3 else 1.0
    return alpha * np.array(color[:3]) + (1 - alpha) * np.array(paper[:3])


COLORS = """() => {
  const text = document.getElementById("text");
  const read = (element, name) => getComputedStyle(element)[name].match(/[\\d.]+/g).map(Number);
  const found = { ink: read(document.body, "color"), paper: read(document.body, "backgroundColor"), of: [] };
  for (const name of ["s1", "s3", "s5", "m4", "m7", "p4", "p7"]) {
    text.querySelector("i").className = name;
    found.of.push(read(text.querySelector("i"), "backgroundColor"));
  }
  return found;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_letters_can_be_read_on_every_color(browser, small, scheme):
    with Opened(browser, small, color_scheme=scheme) as page:
        shot(page, scheme)
        page.select_option("#color", "layers.0.h 2")
        symbol(page, 100).hover()
        page.wait_for_timeout(200)
        shot(page, f"{scheme}-unit", full_page=True)
        colors = page.evaluate(COLORS)
    ink, paper = colors["ink"], colors["paper"]
    assert (luminance(paper) > luminance(ink)) == (scheme == "light")
    for color in colors["of"]:
        one, other = sorted((luminance(ink), luminance(over(color, paper))))
        assert (other + 0.05) / (one + 0.05) > 4.5, color


def test_a_phone_shows_all_of_it_without_moving_sideways(browser, small):
    with Opened(browser, small, **PHONE) as page:
        assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
        symbol(page, 12).tap()
        assert page.locator("#step").text_content() == "13 of 504"
        assert page.locator("#next tr").first.is_visible()
        shot(page, "phone", full_page=True)
        shot(page, "phone-first")


def test_on_paper_the_whole_text_is_there_and_no_tools(browser, small):
    with Opened(browser, small) as page:
        page.emulate_media(media="print")
        assert not page.locator("#tools").is_visible()
        assert not page.locator("#panel").is_visible()
        assert page.evaluate("(e => e.scrollHeight - e.clientHeight)(document.getElementById('text'))") <= 1
        shot(page, "print", full_page=True)
        pages = page.pdf().count(b"/Type /Page\n")
        assert pages >= 2


MOVING = """[...document.querySelectorAll("*")].filter(
  (element) => getComputedStyle(element).transitionDuration !== "0s"
).length"""


def test_nothing_moves_for_who_wants_no_motion(browser, small):
    with Opened(browser, small, reduced_motion="reduce") as page:
        assert page.evaluate(MOVING) == 0
    with Opened(browser, small, reduced_motion="no-preference") as page:
        assert page.evaluate(MOVING) > 0
