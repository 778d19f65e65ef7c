"""R4: a full disk or failing input and output never destroys the old file, and is never silent."""

from __future__ import annotations

import errno
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import elman
from cli_cases import BROKEN, TINY, finished, process, refused, rhyme, write
from cli_cases import elman as run
from elman.files import atomic, tensors
from faulty_os import FaultyOS
from persistence_cases import small

TESTS = Path(__file__).parents[1]
EIO, ENOSPC = ((errno.EIO, False), (errno.EIO, True)), ((errno.ENOSPC, False), (errno.ENOSPC, True))
FAULTS = {  # the error, and whether it lasts from then on
    "EIO once": EIO[:1],
    "EIO from then on": EIO[1:],
    "ENOSPC once": ENOSPC[:1],
    "ENOSPC from then on": ENOSPC[1:],
}
IN_TURN = {"EIO once and ENOSPC from then on, in turn": (EIO[0], ENOSPC[1])}
UNHEARD = {"listdir", "unlink", "close"}  # clearing litter, and the lock, through which nothing was written
OPTIONS = (*TINY, "--steps", "2", "--checkpoint-every", "1", "--validate-every", "2", "--seed", "1")


class Place:
    """A folder with a text, and a model that is not to be lost."""

    def __init__(self, folder):
        self.text = write(folder / "text.txt", rhyme(300))
        self.model, self.checkpoint = folder / "model", folder / "model.checkpoint"
        self.old = small()

    def restore(self):
        for path in self.text.parent.iterdir():
            if path != self.text:
                path.unlink()
        elman.save(self.model, self.old)

    def train(self, *options):
        return run("train", self.text, "-o", self.model, *OPTIONS, *options)

    def litter(self):
        names = {path.name for path in self.text.parent.iterdir()}
        return names - {"text.txt", "model", "model.checkpoint"}

    def check(self):
        """The model is the old one or a new one, the checkpoint is one if it is there."""
        elman.load(self.model)
        assert not self.checkpoint.exists() or elman.load(self.checkpoint).training.step in (1, 2)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_the_nth_failure_of_a_training_loses_nothing_and_is_said(place, monkeypatch, full, kept):
    for name, faults in (FAULTS if full else IN_TURN).items():
        refusals = 0
        for nth in itertools.count(1):
            place.restore()
            number, lasting = faults[nth % len(faults)]
            faulty = FaultyOS(range(nth, 10**9) if lasting else [nth], OSError(number, os.strerror(number)))
            with monkeypatch.context() as patched:
                patched.setattr(atomic, "os", faulty)
                done = place.train()
            place.check()
            assert lasting or place.litter() == set()
            if nth > len(faulty.calls):
                break
            refusals += is_told(done, place, faulty, nth)
        assert done.code == 0
        assert refusals > 30
        kept("R4", f"{name}: each of {nth - 1} calls of a training, {refusals} refusals, 0 files lost")


def is_told(done, place, faulty, nth):
    """Check that a failure ended the training by a line that says so; False: it does not matter."""
    if done.code == 0:
        assert len(faulty.fails) == 1
        assert faulty.calls[nth - 1] in UNHEARD
        return False
    full = faulty.error.errno == errno.ENOSPC and "cannot be synced" not in done.err
    assert refused(done, 5 if full else 3).startswith(f"{place.model}")
    assert faulty.error.strerror in done.err
    return True


def test_a_plain_writer_loses_the_old_model(place, monkeypatch):
    """The teeth of the test above."""
    lost = 0
    for nth in range(1, 9):
        place.restore()
        faulty = FaultyOS([nth], OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))

        def plain_write(path, chunks, os=faulty):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            for chunk in chunks:
                os.write(descriptor, chunk)

        monkeypatch.setattr(tensors, "atomic_write", plain_write)
        with pytest.raises(OSError, match="No space"):
            elman.save(place.model, small(seed=1))
        monkeypatch.undo()
        try:
            place.check()
        except elman.FormatError:
            lost += 1
    assert lost >= 6


@pytest.mark.parametrize("nth", [4, 20, 40])
def test_a_directory_that_vanishes_stops_the_training(tmp_path, monkeypatch, nth):
    (tmp_path / "here").mkdir()
    place = Place(tmp_path / "here")
    place.restore()
    faulty, real = FaultyOS(), os.open

    def leave(*arguments):
        if len(faulty.calls) > nth and (tmp_path / "here").exists():
            (tmp_path / "here").rename(tmp_path / "there")
        faulty.calls.append("open")
        return real(*arguments)

    faulty.open = leave
    with monkeypatch.context() as patched:
        patched.setattr(atomic, "os", faulty)
        done = place.train()
    said = refused(done, 3)
    assert said.startswith(f"{place.model}")
    assert "No such file" in said or "there is no directory" in said
    elman.load(tmp_path / "there" / "model")


def test_a_limit_on_the_size_of_files_is_a_resource_error(place):
    resource = pytest.importorskip("resource", reason="no limits of a process here")
    place.restore()
    before = place.model.read_bytes()
    words = ("train", place.text, "-o", place.model, *OPTIONS, "--hidden-size", "80")

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))

    done = finished(process(*words, preexec_fn=limit))
    assert "File too large; what was there is unchanged" in refused(done, 5)
    assert place.model.read_bytes() == before
    assert place.litter() == set()


FULL = """
import json, os, subprocess, sys
disk, text = sys.argv[1:]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", disk], check=True)
import elman
model = os.path.join(disk, "model")
elman.save(model, elman.Network(input_size=4, hidden_size=600, output_size=4))
before, size = open(model, "rb").read(), os.path.getsize(model)
words = [sys.executable, "-m", "elman", "train", text, "-o", model, "--hidden-size", "600"]
words += "--steps 2 --checkpoint-every 1 --batch-size 2 --seq-length 4".split()
done = subprocess.run(words, capture_output=True, text=True)
same = open(model, "rb").read() == before
print(json.dumps([done.returncode, done.stderr, same, size, os.listdir(disk)]))
"""


def test_a_full_disk_of_3_mb(tmp_path, kept):
    if not shutil.which("unshare") or not shutil.which("mount"):
        pytest.skip("a small disk needs unshare and mount")
    text, disk = write(tmp_path / "text.txt", rhyme(300)), tmp_path / "disk"
    disk.mkdir()
    own = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    if subprocess.run([*own, "true"], capture_output=True, check=False).returncode:
        pytest.skip("a small disk needs the right to mount")
    command = [*own, sys.executable, "-c", FULL, str(disk), str(text)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if "mount" in done.stderr and done.returncode:
        pytest.skip(f"a small disk needs the right to mount: {done.stderr.strip()[-80:]}")
    code, said, same, size, names = json.loads(done.stdout)
    assert code == 5
    assert BROKEN not in said
    assert "No space left on device; what was there is unchanged" in said.splitlines()[-1]
    assert (same, names) == (True, ["model"])
    kept("R4", f"a disk of 3 MB, a model of {size / 1e6:.1f} MB: exit {code}, the old model unchanged")


DENIED = "cannot be written: Permission denied; what was there is unchanged"
READ_ONLY = """
import os, sys
sys.path.insert(0, sys.argv[4])
from cli_cases import TINY, elman
folder, text, locked = sys.argv[1:4]
words = (*TINY, "--steps", "2")
assert elman("train", text, "-o", os.path.join(folder, "first"), *words).code == 0
if os.geteuid() == 0:  # for whom no directory is read-only
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
done = elman("train", text, "-o", os.path.join(locked, "model"), *words)
print(done.code, done.err.splitlines()[-1], sep="\\n")
"""


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="rights of directories are others on Windows")
def test_a_read_only_directory_is_said_before_the_training(tmp_path):
    with tempfile.TemporaryDirectory() as name:  # pytest's own folder is not open to others
        folder, locked = Path(name), Path(name, "locked")
        folder.chmod(0o755)
        locked.mkdir()
        elman.save(locked / "model", small())
        before, text = (locked / "model").read_bytes(), write(folder / "text.txt", rhyme(300))
        locked.chmod(0o555)
        command = [sys.executable, "-c", READ_ONLY, folder, text, locked, TESTS]
        done = subprocess.run(
            list(map(str, command)), capture_output=True, text=True, timeout=300, check=False
        )
        locked.chmod(0o755)
        assert done.returncode == 0, done.stderr
        code, said = done.stdout.splitlines()
        assert int(code) == 3
        assert (
            said
            == f"elman: {locked / 'model'}: cannot be written: Permission denied; what was there is unchanged"
        )
        assert (locked / "model").read_bytes() == before
