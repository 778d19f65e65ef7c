"""A file whose parts do not hold together is refused: in one line.  How fast: promises/test_r10_*.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from elman import FileError, FormatError, forms, load
from elman.data.bpe import LARGEST_SIZE
from model_lies import LIES
from persistence_cases import CHARS, rewritten, same_run, small
from persistence_cases import checkpoint as checkpoint
from persistence_cases import path as path


def refuses(path: Path, words: str = ".") -> bool:
    """Loading ends with one line that begins with the path."""
    with pytest.raises(FormatError, match=words) as caught:
        load(path)
    message = str(caught.value)
    return (
        message.startswith(f"{path}: ")
        and "\n" not in message
        and len(message) < len(str(path)) + 1000
        and caught.value.exit_code == 3
    )


def test_the_copy_without_a_change_is_loaded(checkpoint, path):
    rewritten(checkpoint, path, lambda tensors, metadata: None)
    assert path.read_bytes() == checkpoint.read_bytes()
    assert same_run(load(path).training, load(checkpoint).training)


@pytest.mark.parametrize("lie", LIES)
def test_a_file_that_does_not_hold_together_is_refused(checkpoint, path, lie):
    change, words = LIES[lie]
    assert refuses(rewritten(checkpoint, path, change), words)


def test_a_vocabulary_has_so_many_bytes_and_not_one_more(checkpoint, monkeypatch):
    size = len(CHARS.to_bytes())
    monkeypatch.setattr(forms, "LARGEST_FORM", size)
    assert load(checkpoint).vocabulary == CHARS
    monkeypatch.setattr(forms, "LARGEST_FORM", size - 1)
    assert refuses(checkpoint, f"the vocabulary has {size} bytes; at most {size - 1} are read")


@pytest.mark.parametrize(
    ("part", "limit"),
    [
        (lambda n: b'"' * n, 2 * 4 + 8),
        (lambda n: b'"merges":' + b"[" * n, LARGEST_SIZE + 2),
    ],
    ids=["symbols", "merges"],
)
def test_a_vocabulary_lists_so_much_and_not_more(part, limit):
    """For a network that reads 4 symbols; what is no vocabulary anyway is refused in other words."""
    for n, listed in ((limit, False), (limit + 1, True)):
        with pytest.raises(FormatError) as caught:
            forms.read_vocabulary(np.frombuffer(part(n), np.uint8), small().spec, predicted=True)
        assert ("lists more than the 4 symbols" in str(caught.value)) == listed


def test_what_a_message_quotes_is_as_long_as_said():
    facts = small().spec.facts()
    for n, long in ((forms.LONGEST, False), (forms.LONGEST + 1, True)):
        with pytest.raises(FormatError) as caught:
            forms.read_spec(facts | {"cell": "x" * n}, 9)
        assert ("too long" in str(caught.value)) == long
    whole = "x" * forms.LONGEST_QUOTE
    assert forms.shortened(whole) == whole
    assert len(forms.shortened(whole + "x")) == len(whole) + len(" … ")


def test_what_is_no_file_is_told_apart_from_what_is_no_model(tmp_path):
    with pytest.raises(FileError, match="cannot be read: No such file"):
        load(tmp_path / "missing")
    with pytest.raises(FileError, match="is a directory"):
        load(tmp_path)
    foreign = tmp_path / "foreign.safetensors"
    safetensors.numpy.save_file({"W": np.zeros((2, 2), np.float32)}, foreign)
    assert refuses(foreign)
