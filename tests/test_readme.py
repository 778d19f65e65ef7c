"""The examples of README.md are run, in an empty folder; those of docs/ in tests/docs and tests/interop."""

from __future__ import annotations

from pathlib import Path

import pytest

from pages import agrees, blocks, commands, missing, run_page

REPO = Path(__file__).parents[1]
README = (REPO / "README.md").read_text("utf-8")


def test_every_example_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_page(README, "README.md")


def test_every_fence_is_read():
    assert README.count("```") == 2 * len(blocks(README))


def test_the_readme_shows_python_and_the_command_line():
    read = blocks(README)
    shown = [
        command for block in read if block.language in ("console", "sh") for command in commands(block.text)
    ]
    assert any(block.language == "python" for block in read)
    assert any("elman" in command for command in shown)


# ---------------------------------------------------------------------------- the runner of pages

PRINTED = "```python\nprint('loss', 1.5, '-2e-3')\n```\n\n"


@pytest.mark.parametrize(
    "page",
    [
        "```python\nx = 1\n```\n\n```python\nassert x == 2\n```",
        "```python\n>>> 1 + 1\n3\n```",
        "```python\n>>> undefined\n```",
        "```console\n$ make never\n$ printf '1' | \\\n    grep 2\n1\n```",
        "```sh\n$ grep 2 missing | sort  # the first of the pipe fails\n```",
        PRINTED + "<!-- printed -->\n```text\nloss 1.6 -2e-3\n```",
        PRINTED + "<!-- printed, numbers within 5 % -->\n```text\nloss 1.7 -2e-3\n```",
        PRINTED + "<!-- printed, numbers within 5 % -->\n```text\nloss 1.5 2e-3\n```",
        PRINTED + "<!-- printed, numbers within 5 % -->\n```text\ncost 1.5 -2e-3\n```",
        PRINTED + "<!-- printed -->\n```text\n```",
    ],
)
def test_a_wrong_example_would_be_noticed(page):
    with pytest.raises(AssertionError):
        run_page(page, "page")


def test_blocks_share_names_and_some_commands_are_left_out():
    run_page(
        "```python\nx = 1\n```\n```python\n>>> x + 1\n2\n>>> y = 3\n```\n```python\nassert y == 3\n```",
        "page",
    )
    run_page("```console\n$ make never\nnot a command\n$ yes | head -n 1  # enough\n```", "page")
    assert commands("$ make demo\n$ elman info \\\n  model\nwords\n") == ["elman info    model"]


def test_what_was_printed_is_compared_where_a_page_asks_for_it():
    run_page(PRINTED + "<!-- printed -->\n```text\nloss … -2e-3\n```", "page")
    run_page(PRINTED + "<!-- printed, numbers within 5 % -->\n```text\nloss 1.52 -2.02e-3\n```", "page")
    run_page(PRINTED + "```text\nanything\n```", "page")
    run_page("```console\n$ echo 1,000\n```\n<!-- printed -->\n```text\n1,000\n```", "page")
    assert agrees("1,000 steps", "1,020 steps", 0.05)
    assert not agrees("1,000 steps", "1,020 steps", 0.01)


def test_a_page_says_what_it_needs():
    assert missing("<!-- needs: json, cat -->\n") == []
    assert missing("<!-- needs: json, no_such_thing -->\n") == ["no_such_thing"]
    assert missing("no needs\n") == []
