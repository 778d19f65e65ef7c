"""R5: no litter, no surprise modes: what the killed leave is cleared, the umask rules, a link stays."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys

import pytest

import elman
from cli_cases import TINY, rhyme, write
from cli_cases import elman as run
from persistence_cases import small

DIES = """
import os, signal, sys
import elman
from elman.files import atomic

class Killing:
    def __getattr__(self, name):
        return kill if name == sys.argv[2] else getattr(os, name)

def kill(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)

atomic.os = Killing()
elman.save(sys.argv[1], elman.Network(input_size=4, hidden_size=3, output_size=4))
"""
WRITES = """
import sys
import elman

network = elman.Network(input_size=4, hidden_size=200, output_size=4, engine="reference")
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    network.parameters.flat[:] = float(sys.argv[3])
    elman.save(sys.argv[1], network)
"""


def beside(path):
    return sorted(entry.name for entry in path.parent.iterdir() if entry.name != path.name)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def umask():
    """Set the umask of the process, and put it back."""
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no kill -9 here")
def test_the_next_start_clears_what_the_killed_left(tmp_path, kept):
    model = tmp_path / "model.safetensors"
    places = (model, tmp_path / "model.checkpoint.safetensors")
    for place in places:
        for call in ("write", "fsync", "replace"):
            command = [sys.executable, "-c", DIES, str(place), call]
            assert subprocess.run(command, check=False, timeout=120).returncode == -signal.SIGKILL
    left = beside(model)
    assert len(left) >= len(places)  # each start has cleared what the one before left
    text = write(tmp_path / "text.txt", rhyme())
    assert run("train", text, "-o", model, *TINY, "--steps", "1").code == 0
    assert beside(model) == ["text.txt"]
    kept("R5", f"{2 * 3} writers killed in write, fsync and rename: 0 stale files after the next start")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes and no umask")
@pytest.mark.parametrize(("mask", "expected"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664), (0, 0o666)])
def test_the_mode_is_what_the_umask_leaves(tmp_path, umask, mask, expected, kept):
    text = write(tmp_path / "text.txt", rhyme())
    umask(mask)
    for _ in range(2):  # a new file, and one over an old file of another mode
        assert run("train", text, "-o", tmp_path / "model", *TINY, "--steps", "2").code == 0
        assert mode(tmp_path / "model") == expected
        (tmp_path / "model").chmod(0o400)
    kept("R5", f"umask {mask:03o}: mode {expected:03o}")


@pytest.mark.parametrize("there", [True, False], ids=["to a model", "to nothing yet"])
def test_a_link_stays_and_what_it_points_to_is_replaced(tmp_path, there):
    (tmp_path / "store").mkdir()
    target = tmp_path / "store" / "v1"
    if there:
        elman.save(target, small(seed=1))
    link = tmp_path / "latest"
    link.symlink_to("store/v1")
    elman.save(link, small(seed=2))
    assert os.readlink(link) == "store/v1"
    assert (elman.load(target).network.parameters.flat == small(seed=2).parameters.flat).all()
    assert [len(list(place.iterdir())) for place in (tmp_path, target.parent)] == [2, 1]


def test_writers_at_once_leave_one_whole_file_of_theirs(tmp_path, full, kept):
    path, saves, numbers = tmp_path / "model", 200 if full else 40, ("1", "2", "3")
    network = small(hidden_size=200, num_layers=1)
    network.parameters.flat[:] = 4
    elman.save(path, network)
    commands = [[sys.executable, "-c", WRITES, str(path), str(saves), number] for number in numbers]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    writers = [subprocess.Popen(command, **pipes) for command in commands]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    read = 0
    while any(writer.poll() is None for writer in writers):
        flat = elman.load(path, engine="reference").network.parameters.flat
        assert (flat == flat[0]).all()
        read += 1
    assert [writer.wait(timeout=120) for writer in writers] == [0] * len(writers)
    for writer in writers:
        writer.communicate()
    last = elman.load(path, engine="reference").network.parameters.flat
    assert last[0] in (1, 2, 3)
    assert (last == last[0]).all()
    assert beside(path) == []
    kept("R5", f"{len(writers)} processes, {saves} saves each, at once: {read} reads, all of one whole file")
