"""The texts of a run: what it learns from, and what it is judged by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from elman.data import Corpus, Lines, Streams, Vocabulary, find_lines, split_lines, split_stream
from elman.errors import DataError
from elman.evaluation import Evaluation, evaluate
from elman.network import Network
from elman.numerics import Array

from .common import Record, batches_once, count_words, read_text
from .settings import Settings

VALIDATION_STREAMS = 64  # side by side while training, which is fast; the end is measured in one stream
EXACT_UP_TO = 2_000_000  # symbols to validate on; more would take minutes in one stream


@dataclass(frozen=True)
class HeldOut:
    """What a run is judged by: symbols, which lines of them, the digest of their file if it is another."""

    symbols: Array
    rows: Any
    description: str
    sha256: str | None = None


@dataclass(frozen=True)
class Texts:
    """What a run learns from and is judged by."""

    corpus: Corpus
    data: Streams | Lines
    held_out: HeldOut | None
    lines: bool
    validate_every: int

    @property
    def largest_batch(self) -> tuple[int, int]:
        """The sequences side by side and the steps of the largest batch there is."""
        data = self.data
        if isinstance(data, Streams) or data.rows is None:
            return data.batch_size, data.seq_length
        return min(data.batch_size, len(data.rows)), min(data.seq_length, int(data.rows[:, 1].max()))

    def judge(self, network: Network, streams: int) -> Evaluation:
        """Evaluate the network on what was held out."""
        assert self.held_out is not None
        held = self.held_out
        vocabulary = self.corpus.vocabulary
        return evaluate(
            network, batches_once(held.symbols, vocabulary, self.lines, streams=streams, rows=held.rows)
        )

    def judge_exactly(self, network: Network) -> Evaluation:
        """Evaluate as `elman eval` does, in one stream, unless that would take minutes."""
        assert self.held_out is not None
        exact = len(self.held_out.symbols) <= EXACT_UP_TO
        return self.judge(network, 1 if exact else VALIDATION_STREAMS)


def read_texts(s: Settings, vocabulary: Vocabulary | None, record: Record | None = None) -> Texts:
    """Read and split what the settings name; a vocabulary that is given is used, else one is made.

    Raises: DataError when a text cannot be used, or is not the one of a record.
    """
    options: dict[str, Any] = {"encoding_errors": s.encoding_errors, "lines": s.lines}
    if vocabulary is None:
        options |= {"kind": s.vocab, "min_count": s.min_count}
    corpus = read_text(s.file, vocabulary=vocabulary, **options)
    if record is not None:
        _check_same(corpus, record.text.sha256 if record.text else None)
    try:
        data, held_out = (_split_lines if s.lines else _split_stream)(corpus, s)
    except DataError as error:
        told = str(error).replace("batch_size ", "--batch-size ").replace("seq_length ", "--seq-length ")
        raise DataError(f"{corpus.source}: {told}") from None
    if s.valid is not None:
        held_out = _other_file(s, corpus.vocabulary, record)
    # A symbol of validation costs about a third of one of training: let it take a tenth of the time.
    count = 0 if held_out is None else len(held_out.symbols)
    every = max(500, 10 * count // (3 * s.batch_size * s.seq_length))
    return Texts(corpus, data, held_out, s.lines, every)


def _split_stream(corpus: Corpus, s: Settings) -> tuple[Streams | Lines, HeldOut | None]:
    fraction = 0 if s.valid else s.val_frac
    training, validation = split_stream(corpus.symbols, fraction)
    if fraction and len(validation) < 2:
        raise DataError(_too_little(count_words(len(validation), "symbol"), len(corpus.symbols), fraction))
    try:
        data = Streams(training, s.batch_size, s.seq_length)
    except DataError as error:
        raise DataError(
            str(error).replace("the text", "what is left to train on") if fraction else error
        ) from None
    if not fraction:
        return data, None
    share = f"the last {100 * fraction:.3g}% of the text, {len(validation):,} symbols"
    return data, HeldOut(validation, None, share)


def _split_lines(corpus: Corpus, s: Settings) -> tuple[Streams | Lines, HeldOut | None]:
    end = corpus.vocabulary.line_end
    assert end is not None  # read with lines=True
    fraction = 0 if s.valid else s.val_frac
    rows, held = split_lines(corpus.symbols, end, fraction, s.seed)
    if fraction and not len(held):
        raise DataError(_too_little("no line", len(rows), fraction))
    data = Lines(corpus.symbols, end, s.batch_size, s.seq_length, rows)
    if not fraction:
        return data, None
    description = f"{len(held):,} of {len(rows) + len(held):,} lines, drawn at random"
    return data, HeldOut(corpus.symbols, held, description)


def _too_little(held: str, of: int, fraction: float) -> str:
    return f"--val-frac {fraction:g} holds out {held} of {of:,}; hold out more, or nothing with --val-frac 0"


def _other_file(s: Settings, vocabulary: Vocabulary, record: Record | None) -> HeldOut:
    corpus = read_text(s.valid, vocabulary=vocabulary, encoding_errors=s.encoding_errors, lines=s.lines)
    if record is not None:
        _check_same(corpus, record.valid_sha256)
    rows = find_lines(corpus.symbols, vocabulary.line_end or 0) if s.lines else None
    if len(corpus.symbols) < 2 or (rows is not None and not len(rows)):
        raise DataError(f"{corpus.source}: holds nothing to validate on; it needs 2 symbols, or a line")
    unknown = f", {corpus.unknown:,} of them unknown" if corpus.unknown else ""
    description = f"{corpus.source}: {len(corpus.symbols):,} symbols{unknown}"
    return HeldOut(corpus.symbols, rows, description, corpus.sha256)


def _check_same(corpus: Corpus, recorded: str | None) -> None:
    if corpus.sha256 != recorded:
        raise DataError(
            f"{corpus.source}: not the text that the run began with: sha256 {corpus.sha256[:12]}…, "
            f"the checkpoint has {str(recorded)[:12]}…"
        )
