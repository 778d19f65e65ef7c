"""The table of docs/lands/README.md against what the lands do."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from elman import Network
from elman.errors import OptionError

README = Path(__file__).parents[2] / "docs" / "lands" / "README.md"
ROW = re.compile(r"^\| `([^`]+)` \| ((?:yes|no)(?: \| (?:yes|no))*) \|$", re.MULTILINE)
SAMPLE: dict[str, Any] = {"cell": "gru", "input_size": 4, "hidden_size": 4, "output_size": 4}
OUT: dict[str, tuple[str, str, dict[str, Any]]] = {  # land: module, function, what else it wants
    "torch": ("torch", "to_torch", {}),
    "keras": ("keras", "to_keras", {}),
    "onnx": ("onnx", "to_onnx", {}),
    "c": ("c", "to_c", {"name": "model"}),
    "js": ("js", "to_js", {}),
    "rtneural": ("rtneural", "to_rtneural", {}),
}
PACKAGES = ("torch", "keras", "onnx")


def rows() -> dict[str, list[str]]:
    return {network: said.split(" | ") for network, said in ROW.findall(README.read_text("utf-8"))}


def refusal(function: Callable[..., Any], network: str, more: dict[str, Any]) -> str | None:
    try:
        function(Network(**{**SAMPLE, **eval(f"dict({network})")}), **more)
    except OptionError as error:
        return str(error)
    return None


@pytest.mark.parametrize("land", OUT)
def test_the_table_says_what_each_land_holds(land):
    if land in PACKAGES:
        pytest.importorskip(land, exc_type=ImportError)
    module, name, more = OUT[land]
    function = getattr(import_module(f"elman.interop.{module}"), name)
    column, table = list(OUT).index(land), rows()
    refused = {network: refusal(function, network, more) for network in table}
    for network, error in refused.items():
        assert error is None or any(name in error for name in re.findall(r"(\w+)=", network)), error
    found = {network: "no" if error else "yes" for network, error in refused.items()}
    assert found == {network: said[column] for network, said in table.items()}


def test_the_table_has_a_column_for_each_land_and_a_row_for_each_option():
    text = README.read_text("utf-8")
    assert f"| network | {' | '.join(OUT)} |" in text
    table = rows()
    assert all(len(said) == len(OUT) for said in table.values())
    assert len(table) == text.count("\n| `")  # no row is passed over
    import elman.spec

    named = set(re.findall(r"(\w+)=", " ".join(table)))
    assert named == set(elman.spec.FIELDS) - {"input_size", "output_size"}
