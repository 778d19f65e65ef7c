"""A disk on which only what was synced is certain: what a run may leave there when the power goes."""

from __future__ import annotations

import builtins
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

Names = dict[str, int]  # path → the number of its file
Bytes = dict[int, bytes]
State = dict[str, bytes]  # path → what a reader finds there


@dataclass(frozen=True)
class Moment:
    """After a call: names and bytes as processes see them, and as they are certain; names not yet synced."""

    names: Names
    bytes: Bytes
    certain_names: Names
    certain_bytes: Bytes
    unsynced: tuple[tuple[str, int | None], ...]  # in their order: a path gets this file, or none

    def states(self, random: Random) -> Iterator[State]:
        """What a power cut may leave: all, what is certain, names without bytes or bytes without names.

        And once torn: the first of the names, and of each file a part, with zeros where bytes are missing.
        """
        for names in (self.names, self.certain_names):
            for content in (self.bytes, self.certain_bytes):
                yield {path: content[number] for path, number in names.items()}
        torn = dict(self.certain_names)
        for path, number in self.unsynced[: random.randrange(len(self.unsynced) + 1)]:
            torn.pop(path, None) if number is None else torn.update({path: number})
        yield {path: self._torn(number, random) for path, number in torn.items()}

    def _torn(self, number: int, random: Random) -> bytes:
        certain, seen = self.certain_bytes[number], self.bytes[number]
        if not seen.startswith(certain):  # cut, or written over
            return random.choice((certain, seen))
        part = seen[: random.randint(len(certain), len(seen))]
        return part + bytes(random.choice((0, len(seen) - len(part))))


class Disk:
    """The files below a folder, as the calls of a process reach them; each call makes a moment."""

    def __init__(self, root: Path) -> None:
        self.root, self.moments = str(root), list[Moment]()
        self.names: Names = {}
        self.bytes: Bytes = {}
        for path in filter(Path.is_file, root.rglob("*")):  # what is there at first is certain
            self.bytes[len(self.bytes)] = path.read_bytes()
            self.names[str(path)] = len(self.bytes) - 1
        self.certain_names, self.certain_bytes = dict(self.names), dict(self.bytes)
        self.unsynced: list[tuple[str, int | None]] = []
        self.descriptors: dict[int, int | str] = {}  # the number of a file, or the path of a directory

    def attend(self, monkeypatch: Any, *modules: Any) -> None:
        """See what this process does by `os`, and these modules by `open`."""
        for name in ("open", "write", "fsync", "close", "replace", "unlink"):
            monkeypatch.setattr(os, name, self._seen(getattr(os, name), getattr(self, f"_{name}")))
        for module in modules:
            monkeypatch.setattr(module, "open", self._opened, raising=False)

    def mark(self) -> None:
        self.moments.append(
            Moment(
                dict(self.names),
                dict(self.bytes),
                dict(self.certain_names),
                dict(self.certain_bytes),
                tuple(self.unsynced),
            )
        )

    def _seen(self, call: Any, follow: Any) -> Any:
        def called(*arguments: Any, **options: Any) -> Any:
            result = None if call.__name__ == "fsync" else call(*arguments, **options)
            if follow(result, *arguments):
                self.mark()
            return result

        return called

    def _open(self, descriptor: int, path: Any, flags: int, *_: Any) -> bool:
        path = os.path.abspath(path)
        if not path.startswith(self.root):
            return False
        self.descriptors[descriptor] = path if os.path.isdir(path) else self._file(path)
        return True

    def _file(self, path: str) -> int:
        if path not in self.names:
            number = self.names[path] = len(self.bytes)
            self.bytes[number] = self.certain_bytes[number] = b""
            self.unsynced.append((path, number))
        return self.names[path]

    def _write(self, count: int, descriptor: int, data: Any) -> bool:
        number = self.descriptors.get(descriptor)
        if number is None:
            return False
        self.bytes[number] += bytes(data[:count])
        return True

    def _fsync(self, _: None, descriptor: int) -> bool:
        synced = self.descriptors.get(descriptor)
        if isinstance(synced, int):
            self.certain_bytes[synced] = self.bytes[synced]
        elif synced is not None:
            here = [one for one in self.unsynced if os.path.dirname(one[0]) == synced]
            for path, number in here:
                self.certain_names.pop(path, None)
                if number is not None:
                    self.certain_names[path] = number
            self.unsynced = [one for one in self.unsynced if one not in here]
        return synced is not None

    def _close(self, _: None, descriptor: int) -> bool:
        return self.descriptors.pop(descriptor, None) is not None

    def _replace(self, _: None, old: Any, new: Any) -> bool:
        old, new = map(os.path.abspath, (old, new))
        if old not in self.names:
            return False
        self.names[new] = self.names.pop(old)
        self.unsynced += [(new, self.names[new]), (old, None)]
        return True

    def _unlink(self, _: None, path: Any, *__: Any) -> bool:
        path = os.path.abspath(path)
        if self.names.pop(path, None) is None:
            return False
        self.unsynced.append((path, None))
        return True

    def _opened(self, path: Any, mode: str = "r", **options: Any) -> Any:
        """`open`, of a file that is written: what it changes is seen."""
        file = builtins.open(path, mode, **options)  # noqa: SIM115
        path = os.path.abspath(path)
        if mode not in ("wb", "rb+") or not path.startswith(self.root):
            return file
        self.descriptors[file.fileno()] = number = self._file(path)
        follow = ("write", "flush", "truncate", "close")
        return Followed(file, follow, lambda: self._read(path, number))

    def _read(self, path: str, number: int) -> None:
        if Path(path).exists():
            self.bytes[number] = Path(path).read_bytes()
            self.mark()


class Followed:
    """A file, with something done after some of its calls."""

    def __init__(self, file: Any, names: tuple[str, ...], after: Any) -> None:
        self.file, self.calls, self.after = file, names, after

    def __getattr__(self, name: str) -> Any:
        call = getattr(self.file, name)
        return (lambda *arguments: (call(*arguments), self.after())[0]) if name in self.calls else call

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()


def put_back(state: State, root: Path, kept: str) -> None:
    """Make a folder hold what was left, and one file that nobody wrote to."""
    for path in root.iterdir():
        if path.name != kept:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name, content in state.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(content)
