"""The reference has every public name, and every variable of the environment."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import elman

REFERENCE = Path(__file__).parents[2] / "docs/reference"
PAGES = "\n".join(page.read_text("utf-8") for page in sorted(REFERENCE.glob("*.md")))
ROOMS = ["elman", "elman.data", "elman.estimators", "elman.inspection", "elman.interop.c", "elman.interop.js"]
WHOLE = ["bptt", "optimizers", "schedules", "errors"]  # modules without __all__
CONSTANTS = {"ENCODING_ERRORS", "KINDS", "UNKNOWN", "ESTIMATORS"}
DIRECTIVE = re.compile(r"^\.\. auto(\w+):: (\S+)\n(?:   :members:(.*)\n)?", re.MULTILINE)


def documented(pages: str) -> set[int]:
    """What the directives of autodoc take in, by identity: a name may have two homes."""
    found = set()
    for kind, name, members in DIRECTIVE.findall(pages):
        if kind == "module":
            names = re.findall(r"\w+", members) or getattr(import_module(name), "__all__", [])
            found |= {id(getattr(import_module(name), member)) for member in [*names]}
        else:
            home, _, last = name.rpartition(".")
            found.add(id(getattr(import_module(home), last)))
    return found


def lacking(room: str, pages: str) -> set[str]:
    """The public names of a room that the pages do not have."""
    module, told = import_module(room), documented(pages)
    values: dict[str, Any] = {name: getattr(module, name) for name in module.__all__}
    rooms = {name for name, value in values.items() if type(value) is type(elman)}
    whole = {name for name, value in values.items() if getattr(value, "__module__", "")[6:] in WHOLE}
    return {name for name in values.keys() - rooms - whole - CONSTANTS if id(values[name]) not in told}


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_has_its_place(room):
    assert lacking(room, PAGES) == set()


@pytest.mark.parametrize("module", WHOLE)
def test_every_module_without_a_list_is_there_whole(module):
    assert f".. automodule:: elman.{module}\n   :members:\n" in PAGES


def test_every_variable_of_the_environment_is_named():
    sources = Path(elman.__file__).parent.rglob("*.py")
    variables = {
        name for source in sources for name in re.findall(r'"(ELMAN_\w+)"', source.read_text("utf-8"))
    }
    told = (REFERENCE / "errors.md").read_text("utf-8")
    assert variables
    assert {name for name in variables if f"`{name}`" not in told} == set()


@pytest.mark.parametrize(
    "directive", [".. autoclass:: elman.data.Windows", ".. autofunction:: elman.train\n"]
)
def test_a_name_that_is_left_out_is_noticed(directive):
    name = directive.split(".")[-1].strip()
    room = directive.split(":: ")[1].strip().rpartition(".")[0]
    assert directive in PAGES
    assert lacking(room, PAGES.replace(directive, "")) == {name}
