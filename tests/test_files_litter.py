"""Around the file: modes, links, what killed writers leave, and writers at the same time."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import subprocess
import sys
import threading

import pytest

from elman.files import atomic, atomic_write, check_writable

OLD, NEW = b"the old content", b"the new content"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(OLD)
    return path


@pytest.fixture
def umask():
    """Set the umask of the process, and put it back."""
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


def litter(path):
    return sorted(entry.name for entry in path.parent.iterdir() if entry.name != path.name)


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664), (0, 0o666)])
def test_the_mode_is_what_the_umask_leaves(path, umask, mask, mode):
    path.chmod(0o444)
    umask(mask)
    atomic_write(path, [NEW])
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.parametrize("there", [True, False], ids=["to a file", "to nothing yet"])
def test_a_link_stays_and_what_it_points_to_is_replaced(tmp_path, there):
    (tmp_path / "store").mkdir()
    target = tmp_path / "store" / "v1"
    if there:
        target.write_bytes(OLD)
    link = tmp_path / "latest"
    link.symlink_to("store/v1")
    atomic_write(link, [NEW])
    assert os.readlink(link) == "store/v1"
    assert target.read_bytes() == NEW
    assert [len(list(place.iterdir())) for place in (tmp_path, target.parent)] == [2, 1]


def test_another_hard_link_keeps_the_old_bytes(path):
    os.link(path, path.with_name("copy"))
    atomic_write(path, [NEW])
    assert path.with_name("copy").read_bytes() == OLD


@pytest.mark.parametrize("function", [check_writable, lambda path: atomic_write(path, [NEW])])
def test_what_dead_writers_left_is_cleared_and_nothing_else(path, function):
    name, tail = f".{path.name}", f"-{'0' * 16}{atomic.SUFFIX}"
    stale = [f"{name}.1{tail}", f"{name}.{os.getpid()}{tail}", f"{name}.4194304{tail}"]
    other = [f"{name}.1-0{atomic.SUFFIX}", f"{name}.old.1{tail}", f"x{stale[0]}", f"{name}.1~"]
    other.append(stale[0].replace(".safetensors", "-safetensors"))
    for entry in stale + other:
        path.with_name(entry).write_bytes(b"half")
    path.with_name(f"{name}.2{tail}").mkdir()
    path.with_name(f"{name}.3{tail}").symlink_to(path)
    function(path)
    assert litter(path) == sorted([*other, f"{name}.2{tail}", f"{name}.3{tail}"])


def test_a_writer_at_work_is_left_alone(path):
    def chunks():
        yield b"outer"
        atomic_write(path, [b"inner"])
        check_writable(path)
        assert path.read_bytes() == b"inner"
        yield b" writer"

    atomic_write(path, chunks())
    assert path.read_bytes() == b"outer writer"
    assert litter(path) == []


def test_a_cleaner_between_creation_and_lock_does_no_harm(path, monkeypatch):
    real_flock, cleaned = fcntl.flock, []

    def flock(descriptor, operation):
        if not cleaned:
            cleaned.extend(litter(path))
            atomic._clear_stale(str(path))
        real_flock(descriptor, operation)

    monkeypatch.setattr(atomic.fcntl, "flock", flock)
    atomic_write(path, [NEW])
    assert len(cleaned) == 1
    assert path.read_bytes() == NEW
    assert litter(path) == []


def test_without_locks_files_are_written_all_the_same_and_nothing_is_cleared(path, monkeypatch):
    def flock(descriptor, operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    stale = path.with_name(f".{path.name}.1-{'0' * 16}{atomic.SUFFIX}")
    stale.touch()
    monkeypatch.setattr(atomic.fcntl, "flock", flock)
    atomic_write(path, [NEW])
    assert path.read_bytes() == NEW
    assert litter(path) == [stale.name]


def test_writers_at_once_all_succeed_and_the_file_is_one_of_theirs(path):
    failures = []

    def write(letter):
        for _ in range(20):
            try:
                atomic_write(path, [letter * 5000, letter * 5000])
            except OSError as error:
                failures.append(error)

    writers = [threading.Thread(target=write, args=(bytes([65 + i]),)) for i in range(4)]
    for writer in writers:
        writer.start()
    seen = {path.read_bytes() for _ in range(200)}
    for writer in writers:
        writer.join()
    assert failures == []
    assert {content[:1] * 10_000 for content in seen - {OLD}} == seen - {OLD}
    assert litter(path) == []


KILLS = """
import os, random, signal, sys, time
from elman.files import atomic_write

path, kind, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
random.seed(1986)

def plain_write(path, chunks):
    with open(path, "wb") as file:
        file.writelines(chunks)

write = {"atomic": atomic_write, "plain": plain_write}[kind]

def save_for_ever(first, reports):
    number = first
    while True:
        number += 1
        write(path, [number.to_bytes(8, "little") * 5_000] * 25)
        os.write(reports, b".")

def found():
    if not os.path.exists(path):
        return None
    with open(path, "rb") as file:
        content = file.read()
    return int.from_bytes(content[:8], "little") if content == content[:8] * 125_000 else "unusable"

bad = temporaries = done = 0
for round in range(1, rounds + 1):
    if round % 2 and os.path.exists(path):
        os.unlink(path)
    older, first = found(), 1_000_000 * round
    reports, end = os.pipe()
    child = os.fork()
    if child == 0:
        save_for_ever(first, end)
    os.close(end)
    saved = 0 if round % 2 else len(os.read(reports, 1))  # in every other round, wait for a first save
    time.sleep(random.uniform(0, 0.04))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(reports, "rb") as file:
        saved += len(file.read())
    bad += found() not in (first + saved if saved else older, first + saved + 1)
    done += saved
    temporaries += len(os.listdir(os.path.dirname(path))) - os.path.exists(path)
    if found() == "unusable":
        os.unlink(path)
write(path, [b"start again"])
print(bad, done, temporaries, len(os.listdir(os.path.dirname(path))))
"""


def unusable_after_kills(path, kind):
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KILLS, path, kind, "30"],
        capture_output=True,
        text=True,
        check=True,
    )
    return [int(word) for word in run.stdout.split()]


def test_kill_9_while_saving_never_costs_a_file(path):
    unusable, saved, temporaries, files_at_the_end = unusable_after_kills(path, "atomic")
    assert unusable == 0
    assert saved > 0
    assert temporaries > 0  # some kills did come in the middle of a write
    assert files_at_the_end == 1


def test_kill_9_costs_a_plain_writer_its_file(path):
    """The teeth of the test above."""
    assert unusable_after_kills(path, "plain")[0] >= 5
