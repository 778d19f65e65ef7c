"""R26: no option breaks a command: a step runs, or one line says what is wrong."""

from __future__ import annotations

import click
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli_cases import elman, refused, rhyme
from elman.cli.group import COMMANDS
from option_cases import BASES, PARAMS, check, room, small, values_of

__all__ = ["room"]  # a fixture


def words_of(param: click.Parameter, value: str) -> list[str]:
    """How an option stands on the command line."""
    if not isinstance(param, click.Option):
        return [value]
    if param.is_flag:
        return [param.opts[0] if value else (param.secondary_opts or param.opts)[0]]
    return [f"{param.opts[0]}={value}"] if param.opts[0].startswith("--") else [param.opts[0], value]


def drawn_of(command: str) -> st.SearchStrategy[list[tuple[str, str]]]:
    """Some options of a command with values, half of them from the good ones."""

    def values(param: click.Parameter) -> st.SearchStrategy[tuple[str, str]]:
        every = values_of(param)
        return st.tuples(st.just(str(param.name)), st.sampled_from(every[:3]) | st.sampled_from(every))

    return st.lists(st.sampled_from(PARAMS[command]).flatmap(values), max_size=5)


def typed(command: str, base: list[str], drawn: list[tuple[str, str]]) -> list[str]:
    """The words of a command line; arguments that are drawn take the place of those of the base."""
    params = {param.name: param for param in PARAMS[command]}
    chosen = {name for name, _ in drawn}
    words = small(chosen) if command == "train" else []
    words += [word for word in base if word.startswith("-")]
    given = [word for word in base if not word.startswith("-")]
    for name, value in drawn:
        if isinstance(params[name], click.Option):
            words += words_of(params[name], value)
        else:
            given = [value, *given[1:]]
    return [command, *words, *([] if "resume" in chosen else given)]


def test_no_options_break_it(room, full, kept):
    tried: dict[str, set[str]] = {name: set() for name in COMMANDS}
    ran: list[int] = []

    @settings(max_examples=1000 if full else 100, deadline=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def search(data):
        command = data.draw(st.sampled_from(["train"] * 5 + list(COMMANDS)))
        base, drawn = data.draw(st.sampled_from(BASES[command])), data.draw(drawn_of(command))
        done = elman(*typed(command, base, drawn), stdin=rhyme().encode())
        check(done, command)
        room.tidy("text.txt" if command == "predict" else "")  # with -o it may
        tried[command] |= {name for name, _ in drawn}
        ran.append(done.code)

    search()
    count = sum(map(len, tried.values()))
    assert not full or count > 0.9 * sum(map(len, PARAMS.values()))
    kept(
        "R26",
        f"{len(ran)} command lines of {count} options: {ran.count(0)} ran, all others refused in one line",
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_an_option_that_is_not_there_is_answered_with_one_that_is(command):
    for param in PARAMS[command]:
        flag = max(getattr(param, "opts", [""]), key=len)
        if flag.startswith("--") and len(flag) > 5:
            line = refused(elman(command, flag[:4] + flag[5:], "x"), 2)
            assert flag in line, line
