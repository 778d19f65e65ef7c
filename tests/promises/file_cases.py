"""What the rows of files share: good files, files that lie, and files taken apart and put together."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import header_lies
import model_lies
from elman import save
from elman.files import header as headers
from persistence_cases import CHARS, RECORD, rewritten, small, trained

FACTS = {**RECORD, "best": {}, "text": {**RECORD["text"], "sha256": "0" * 64}}
SEAL = headers.NO_DIGEST.encode()


def model_file(path: Path) -> Path:
    """Write a checkpoint with every part that a file can have."""
    network = small()
    save(path, network, CHARS, FACTS, trained(network))
    return path


def lies(folder: Path) -> dict[str, bytes]:
    """Return every file that lies: in its header, or about the model."""
    good = model_file(folder / "good")
    found = {f"header: {name}": raw for name, (raw, _) in header_lies.LIES.items()}
    for name, (change, _) in model_lies.LIES.items():
        found[f"model: {name}"] = rewritten(good, folder / "lie", change).read_bytes()
    (folder / "lie").unlink()
    good.unlink()
    return found


def taken_apart(raw: bytes) -> tuple[dict[str, Any], dict[str, str], bytes]:
    """Return what a file says of its arrays, its strings, and its data."""
    end = 8 + int.from_bytes(raw[:8], "little")
    described = json.loads(raw[8:end])
    return described, described.pop("__metadata__"), raw[end:]


def sealed(text: bytes, data: bytes) -> bytes:
    """Return a file of this header, with the digest that is right where `SEAL` stands in it."""
    blank = len(text).to_bytes(8, "little") + text + data
    return blank.replace(SEAL, hashlib.sha256(blank).hexdigest().encode(), 1)
