"""Around the file: what killed writers leave, and threads that write at the same time; see also R1 and R5."""

from __future__ import annotations

import errno
import fcntl
import os
import threading

import pytest

from elman.files import atomic, atomic_write, check_writable

OLD, NEW = b"the old content", b"the new content"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(OLD)
    return path


def litter(path):
    return sorted(entry.name for entry in path.parent.iterdir() if entry.name != path.name)


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
