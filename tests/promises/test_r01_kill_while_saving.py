"""R1: kill -9 while saving never costs a model."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kill -9 needs os.fork")

KILLS = """
import json, os, random, signal, sys, time
import numpy as np
import elman
from elman.files import check_writable, tensors

path, kind, rounds, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
random.seed(seed)
network = elman.Network(input_size=4, hidden_size=1100, output_size=4, engine="reference")

def plain_save(path, network):
    # As most programs do: open the file, then work out what goes into it.
    with open(path, "wb") as file:
        tensors.atomic_write = lambda path, chunks: file.writelines(chunks)
        elman.save(path, network)

save = {"atomic": elman.save, "plain": plain_save}[kind]

def save_for_ever(number, reports):
    while True:
        number += 1
        network.parameters.flat[:] = number
        save(path, network)
        os.write(reports, b".")

def found():
    if not os.path.exists(path):
        return None
    try:
        flat = elman.load(path, engine="reference").network.parameters.flat
    except elman.ElmanError:
        return "unusable"
    return int(flat[0]) if (flat == flat[0]).all() else "unusable"

unusable = wrong = saved = temporaries = 0
begin = time.perf_counter()
elman.save(path, network)
usual = time.perf_counter() - begin
for round in range(rounds):
    if round % 2 and os.path.exists(path):
        os.unlink(path)
    older, first = found(), 1000 * round
    reports, end = os.pipe()
    child = os.fork()
    if child == 0:
        save_for_ever(first, end)
    os.close(end)
    done = 0 if round % 2 else len(os.read(reports, 1))  # in every other round, wait for a first save
    time.sleep(random.uniform(0, 3 * usual))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(reports, "rb") as file:
        done += len(file.read())
    now = found()
    unusable += now == "unusable"
    wrong += now not in (first + done if done else older, first + done + 1)
    saved += done
    temporaries += len(os.listdir(os.path.dirname(path))) - os.path.exists(path)
    if now == "unusable":
        os.unlink(path)
size = os.path.getsize(path) if os.path.exists(path) else 0
check_writable(path)
left = [name for name in os.listdir(os.path.dirname(path)) if name != os.path.basename(path)]
print(json.dumps({"unusable": unusable, "wrong": wrong, "saved": saved, "size": size,
                  "temporaries": temporaries, "left": left}))
"""


def killed(path, kind, rounds, seed):
    """Kill so many writers of a model at random moments; odd rounds have no older file."""
    command = [sys.executable, "-W", "ignore", "-c", KILLS, path, kind, rounds, seed]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_kill_9_while_saving_never_costs_a_model(tmp_path, full, kept, seed):
    rounds = 200 if full else 24
    found = killed(tmp_path / "model", "atomic", rounds, seed)
    assert found["unusable"] == 0
    assert found["wrong"] == 0  # what loads is the last or the last but one
    assert found["saved"] > 0
    assert found["temporaries"] > 0  # some kills did come in the middle of a write
    assert found["left"] == []  # and the next start clears what they left
    said = f"{rounds} kills ({rounds // 2} with no older file), {found['size'] / 1e6:.1f} MB each"
    kept("R1", f"{said}: {found['unusable']} unusable files, {found['wrong']} older than the last but one")


def test_kill_9_costs_a_plain_writer_its_file(tmp_path, full, kept, seed):
    """The teeth of the test above."""
    rounds = 200 if full else 8
    unusable = killed(tmp_path / "model", "plain", rounds, seed)["unusable"]
    assert unusable >= rounds // 4  # here it is nine of ten
    kept("R1", f"a plain writer: {unusable} unusable files in {rounds} kills")
