"""Who trains on streams asks the cell whether rows should begin anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from elman.cells import CELLS
from elman.cli.begin import start
from elman.cli.engine import EngineChoice

ON = EngineChoice(engine="auto", threads=None)


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_a_run_and_one_from_its_weights_restart_rows_as_the_cell_needs(tmp_path: Path, cell: str) -> None:
    text = tmp_path / "text.txt"
    text.write_text("to be or not to be, that is the question. " * 40)
    given = {"file": str(text), "steps": 1, "seq_length": 8, "batch_size": 2}
    model = tmp_path / "model.safetensors"
    run = start(given | {"cell": cell, "hidden_size": 4}, str(model), None, ON)
    assert run.work.data.restart_every == CELLS[cell, "tanh"].restart_every
    assert run.to_the_end(10) == 0
    again = start(given | {"init_from": str(model)}, str(tmp_path / "other.safetensors"), None, ON)
    assert again.work.data.restart_every == CELLS[cell, "tanh"].restart_every
