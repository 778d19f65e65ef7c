"""Writing: the new bytes or the old ones, whatever fails, and never in silence."""

from __future__ import annotations

import errno
import itertools
import os

import pytest

from elman.errors import FileError, ResourceError
from elman.files import atomic, atomic_write, check_writable
from faulty_os import FaultyOS

OLD, NEW = b"the old content", [b"the ", memoryview(b"new "), b"", b"content"]
WHOLE = b"".join(NEW)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(OLD)
    return path


def attempts(path, monkeypatch, error, lasting=False):
    """Fail the first call, the second, and so on until nothing fails; yield what happened each time."""
    for nth in itertools.count(1):
        path.write_bytes(OLD)
        faulty = FaultyOS(range(nth, 10**9) if lasting else [nth], error)
        raised = None
        with monkeypatch.context() as patched:
            patched.setattr(atomic, "os", faulty)
            try:
                atomic_write(path, NEW)
            except BaseException as caught:
                raised = caught
        yield nth, faulty, raised
        if nth > len(faulty.calls):
            break


def litter(path):
    return sorted(entry.name for entry in path.parent.iterdir() if entry.name != path.name)


# what is written


def test_the_chunks_are_the_new_content(path):
    atomic_write(path, NEW)
    assert path.read_bytes() == WHOLE
    atomic_write(path, [])
    assert path.read_bytes() == b""
    atomic_write(str(path.with_name("another")), iter([b"x"] * 1000))
    assert path.with_name("another").read_bytes() == b"x" * 1000


def test_a_relative_path_is_written_where_the_process_stands(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    atomic_write(path.name, NEW)
    assert path.read_bytes() == WHOLE


def test_short_writes_are_continued(path, monkeypatch):
    def at_most_three(descriptor, data):
        return os.write(descriptor, data[:3])

    faulty = FaultyOS()
    faulty.write = at_most_three
    monkeypatch.setattr(atomic, "os", faulty)
    atomic_write(path, NEW)
    assert path.read_bytes() == WHOLE


def test_a_write_of_nothing_is_an_error_not_a_hang(path, monkeypatch):
    faulty = FaultyOS()
    faulty.write = lambda descriptor, data: 0
    monkeypatch.setattr(atomic, "os", faulty)
    with pytest.raises(FileError, match="accepts no more bytes"):
        atomic_write(path, NEW)
    assert path.read_bytes() == OLD


def test_the_bytes_are_on_the_disk_before_the_name_and_the_name_before_the_return(path, monkeypatch):
    faulty = FaultyOS()
    monkeypatch.setattr(atomic, "os", faulty)
    atomic_write(path, [b"x"])
    done = " ".join(faulty.calls)
    assert done == "listdir open open write fsync close replace close unlink open fsync close"


# what fails


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize(("number", "kind"), [(errno.EIO, FileError), (errno.ENOSPC, ResourceError)])
def test_the_nth_failure_leaves_the_old_file_or_the_new_and_is_not_silent(
    path, monkeypatch, lasting, number, kind
):
    unheard = []
    reason = os.strerror(number)
    for nth, faulty, raised in attempts(path, monkeypatch, OSError(number, reason), lasting):
        replaced = "replace" in faulty.done
        assert path.read_bytes() == (WHOLE if replaced else OLD)
        assert lasting or litter(path) == []
        if raised is None:
            unheard += faulty.calls[nth - 1 : nth] or ["nothing"]
            assert replaced
        elif replaced:
            assert str(raised).startswith(f"{path}: written, but its directory cannot be synced ({reason})")
        else:
            assert isinstance(raised, kind)
            assert str(raised) == f"{path}: cannot be written: {reason}; what was there is unchanged"
    # Clearing litter, closing the lock and removing what was renamed may fail unheard.
    assert unheard == (["nothing"] if lasting else ["listdir", "close", "unlink", "nothing"])
    atomic_write(path, NEW)
    assert litter(path) == []


def test_an_interruption_passes_through_and_leaves_nothing(path, monkeypatch):
    interruption = KeyboardInterrupt()
    for nth, faulty, raised in attempts(path, monkeypatch, interruption):
        assert raised is (interruption if nth <= len(faulty.calls) else None)
        assert path.read_bytes() == (WHOLE if "replace" in faulty.done else OLD)
        assert litter(path) == []


def test_an_error_of_the_callers_chunks_leaves_the_old_file(path):
    def chunks():
        yield b"half of it"
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        atomic_write(path, chunks())
    assert path.read_bytes() == OLD
    assert litter(path) == []


def test_a_directory_that_cannot_be_synced_by_its_nature_is_no_error(path, monkeypatch):
    monkeypatch.setattr(atomic, "os", clean := FaultyOS())
    atomic_write(path, [OLD])
    last_sync = len(clean.calls) - clean.calls[::-1].index("fsync")
    faulty = FaultyOS([last_sync], OSError(errno.EINVAL, os.strerror(errno.EINVAL)))
    monkeypatch.setattr(atomic, "os", faulty)
    atomic_write(path, [WHOLE])
    assert path.read_bytes() == WHOLE
    assert faulty.calls == clean.calls
    assert faulty.calls != faulty.done


@pytest.mark.parametrize(
    ("place", "said"),
    {
        "missing/model": "there is no directory",
        "file/model": "there is no directory",
        "directory": "not a regular file",
        "directory/": "names a directory",
        "new/": "names a directory",
        "": "not a regular file|names a directory",
        "fifo": "not a regular file",
        "loop": "not a regular file",
        "link to the directory": "not a regular file",
        "link to a missing directory": "there is no directory",
        "/dev/null": "not a regular file",
        "/proc/model": "cannot be written|there is no directory",
        "/": "names a directory",
        "n" * 300: "File name too long",
        "a\0b": "not a path",
        "\ud800": "not a path",
    }.items(),
)
@pytest.mark.parametrize("function", [check_writable, lambda place: atomic_write(place, must_not_be_read())])
def test_what_cannot_be_written_is_said_before_anything_is(tmp_path, monkeypatch, function, place, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "directory").mkdir()
    os.mkfifo("fifo")
    os.symlink("loop", "loop")
    os.symlink("directory", "link to the directory")
    os.symlink("missing/model", "link to a missing directory")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(FileError, match=said) as caught:
        function(place)
    assert str(caught.value).startswith(place if place.isprintable() else repr(place))
    assert sorted(tmp_path.rglob("*")) == before


def must_not_be_read():
    raise AssertionError("the content was asked for")
    yield b""


def test_checking_changes_nothing(path):
    before = path.stat()
    check_writable(path)
    check_writable(path.with_name("new"))
    assert path.stat() == before
    assert litter(path) == []


def test_checking_fails_where_writing_would(path, monkeypatch):
    error = OSError(errno.EROFS, os.strerror(errno.EROFS))
    monkeypatch.setattr(atomic, "os", FaultyOS([2], error))
    with pytest.raises(FileError, match="Read-only file system"):
        check_writable(path)
