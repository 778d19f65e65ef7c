"""R2: kill -9 while training costs at most what was done since the last checkpoint."""

from __future__ import annotations

import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from cli_cases import process
from run_cases import EVERY, OPTIONS, PATIENCE, Folder, marked, whole

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL")

STEP = "elman.cli.run:Run._follow"  # is called after every step


def killed(folder: Folder, steps: int, generator: random.Random) -> tuple[int, int]:
    """Go on with a run and kill it so many steps later; return the steps that are logged, and saved."""
    at = marked(STEP, steps, folder.go_on())
    assert at.reached()
    time.sleep(generator.uniform(0, 0.01))
    at.running.kill()
    at.running.communicate(timeout=PATIENCE)
    assert at.running.returncode == -signal.SIGKILL
    return folder.logged(), folder.saved()


def killed_again_and_again(folder: Folder, kills: int, seed: int) -> list[int]:
    """Kill a run, resume it, kill it …, and take it to its end; return how many steps each kill has cost."""
    generator, costs = random.Random(seed), []
    for left in range(kills, 0, -1):
        ahead = (folder.said("--steps") - folder.saved()) // (left + 2)  # the kills are spread over the run
        logged, saved = killed(folder, generator.randint(1, max(2 * ahead, 1)), generator)
        costs.append(logged - saved)
    done = process(*folder.go_on())
    _, told = done.communicate(timeout=PATIENCE)
    assert done.returncode == 0, told
    return costs


def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path, seed, full, kept):
    kills, chains, every, steps = (25, 2, 500, 100_000) if full else (5, 1, EVERY, 150)
    options = (*OPTIONS, "--checkpoint-every", str(every), "--steps", str(steps))
    if full:
        options += ("--validate-every", "1000")
    began = time.monotonic()
    uninterrupted = whole(tmp_path / "whole", options)
    took = time.monotonic() - began
    folders = [Folder(tmp_path / str(k), options) for k in range(chains)]
    with ThreadPoolExecutor(2) as two:
        ends = list(two.map(lambda k: killed_again_and_again(folders[k], kills, seed + k), range(chains)))
    costs = [cost for end in ends for cost in end]
    assert all(0 <= cost <= every for cost in costs)
    same = sum(folder.ended_as(uninterrupted) for folder in folders)
    kept(
        "R2",
        f"{len(costs)} kills of runs of {took:.1f} s, each resumed: at most {max(costs)} steps lost, with a "
        f"checkpoint every {every}; {same} of {chains} ended with the bytes of the uninterrupted run",
    )
    assert same == chains
