"""`--vocab bpe`: a model of it trains, goes on, is judged, scores and writes as the others do."""

from __future__ import annotations

import pytest

from cli_cases import TINY, elman, refused, rhyme, trained, write
from elman import load, persistence
from elman.cli import display

LEARNED = ("--vocab", "bpe", "--vocab-size", "264")


def test_a_model_of_bpe_does_what_other_models_do(tmp_path):
    model = trained(tmp_path, rhyme(), *LEARNED, "--lines")
    assert "vocabulary  264 bpe" in elman("info", model).out
    evaluated = elman("eval", model, tmp_path / "text.txt").out
    assert f"\n0 unknown symbols in {tmp_path}/text.txt" in evaluated
    assert elman("score", model, stdin="ten men\né\n".encode()).out.count("\n") == 2
    assert elman("sample", model, "--prime", "ten é", "--length", "9").out.startswith("ten é")
    assert elman("sample", model, "--prime", "ten", "--length", "9", "--beam", "2").out.startswith("ten")


def test_a_run_goes_on_with_its_vocabulary_also_without_an_option_of_later(tmp_path, monkeypatch):
    def stop(self, progress):
        raise OSError  # as when the terminal is gone

    file, path = write(tmp_path / "text.txt", rhyme()), tmp_path / "model.safetensors"
    assert elman("train", file, "-o", path, *TINY, *LEARNED, "--steps", "3").code == 0
    whole = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(display.PlainLines, "show", stop)
        assert elman("train", file, "-o", path, *TINY, *LEARNED, "--steps", "3").code == 141
    checkpoint = tmp_path / "model.checkpoint.safetensors"
    model = load(checkpoint)
    stored = dict(model.record["settings"])
    assert stored.pop("vocab_size") == 264
    record = {**model.record, "settings": stored}
    persistence.save(checkpoint, model.network, model.vocabulary, record, model.training)
    assert elman("train", "--resume", checkpoint).code == 0
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--vocab", "bpe"), "--vocab bpe and --vocab-size go together"),
        (("--vocab-size", "300"), "--vocab bpe and --vocab-size go together"),
        (("--vocab", "words", "--vocab-size", "300"), "--vocab bpe and --vocab-size go together"),
        (("--vocab", "bpe", "--vocab-size", "256"), "257 to 262,144"),
        (("--vocab", "bpe", "--vocab-size", "none"), "none came; expected a whole number"),
        ((*LEARNED, "--min-count", "2"), "leave out --min-count"),
        (("--init-from", "model", "--vocab-size", "264"), "leave out --hidden-size, --vocab-size"),
        (
            ("--vocab", "bpe", "--vocab-size", "9999"),
            "symbols of bpe, where vocab_size is 9,999; ask for fewer",
        ),
    ],
)
def test_what_the_options_of_bpe_refuse(tmp_path, options, told):
    file = write(tmp_path / "text.txt", rhyme())
    assert told in refused(elman("train", file, "-o", tmp_path / "model", *TINY, *options), 2)
