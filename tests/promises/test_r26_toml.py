"""R26: no file of options breaks `elman train`: a step runs, or one line says what is wrong."""

from __future__ import annotations

import re

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cli_cases import elman, refused, write
from option_cases import PARAMS, check, room, small, values_of

__all__ = ["room"]  # a fixture

TRAIN = {option.name: option for option in PARAMS["train"]}


ODD = ("true", "false", "[]", "[1, 2]", '["rail"]', "nan", "{a = 1}", "07:32:00", "1_0", "0x1f", "")


def toml_of(name: str) -> list[str]:
    """Values that suit an option, and one of every kind."""
    values = [value for value in values_of(TRAIN[name])[:4] if value.isascii() and value.isprintable()]
    return [*(f'"{value}"' for value in values), *filter(re.compile(r"[\d.]+").fullmatch, values), *ODD]


NAMES = [name for name in TRAIN if name not in ("config", "epochs", "minutes")]
KEYS = st.sampled_from([*NAMES, *(name.replace("_", "-") for name in NAMES)])
ENTRIES = KEYS.flatmap(lambda key: st.tuples(st.just(key), st.sampled_from(toml_of(key.replace("-", "_")))))
OTHERS = st.sampled_from(
    ["[train]", "lr", "= 3", '"', "'''", "\x00", "\ufeff", "a.b.c = 1", "# lr = 1", "[[x]]", "lr = {", "\r"]
)
TEXTS = st.lists(st.one_of(ENTRIES.map(" = ".join), OTHERS), max_size=4).map("\n".join)


def test_no_file_of_options_breaks_it(room, full, kept):
    ran: list[int] = []

    @settings(max_examples=1000 if full else 100, deadline=None, suppress_health_check=list(HealthCheck))
    @given(text=st.one_of(TEXTS, TEXTS, TEXTS, st.text(max_size=30)), cut=st.integers(0, 200))
    @example(text="hidden_size = 0", cut=200)
    def search(text, cut):
        write(room.path / "run.toml", text.encode("utf-8", "surrogatepass")[:cut])
        given = [name for name in NAMES if name in text.replace("-", "_")]
        file = ["text.txt"] * ("file" not in given)
        done = elman("train", *small(given), "--seq-length=4", "--config=run.toml", *file)
        check(done, "train")
        write(room.path / "run.toml", "lr = 0.1\n")
        room.tidy()
        ran.append(done.code)

    search()
    kept("R26", f"{len(ran)} files of options: {ran.count(0)} ran, all others refused in one line")


def test_a_key_that_is_not_there_is_answered_with_one_that_is(room):
    for name in NAMES:
        if len(name) > 3:
            write(room.path / "run.toml", f"{name[:2] + name[3:]} = 1")
            line = refused(elman("train", "--config=run.toml"), 2)
            assert line.endswith(f"did you mean {name}?"), line
