"""The texts of a run: what it learns from, and what it is judged by."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from elman.cells import Cell
from elman.data import Corpus, Lines, Streams, Vocabulary, find_lines, split_lines, split_stream
from elman.errors import DataError
from elman.evaluation import Evaluation, evaluate
from elman.network import Network
from elman.numerics import Array
from elman.sampling import sample
from elman.spec import Spec

from .common import Record, batches_once, bits, check_same, count_words, read_text
from .settings import Settings
from .shown import Shown
from .work import Result, network_options

VALIDATION_STREAMS = 64  # side by side while training, which is fast; the end is measured in one stream
SAMPLE_LENGTH = 120
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
    """What a run learns from and is judged by, see `Work`."""

    settings: Settings
    corpus: Corpus
    data: Streams | Lines
    held_out: HeldOut | None
    preparation: None = None
    things: str = "symbols"

    @property
    def learning_rate(self) -> float | None:
        """The highest learning rate."""
        return self.settings.lr

    @property
    def usual_limit(self) -> dict[str, Any]:
        """How long a run is when nothing is said."""
        return {"epochs": 20}

    @property
    def vocabulary(self) -> Vocabulary:
        """The symbols of the text."""
        return self.corpus.vocabulary

    @property
    def judged(self) -> bool:
        """Whether something was held out."""
        return self.held_out is not None

    @property
    def validate_every(self) -> int:
        """Steps between validations."""
        # A symbol of validation costs about a third of one of training: let it take a tenth of the time.
        count = 0 if self.held_out is None else len(self.held_out.symbols)
        return max(500, 10 * count // (3 * self.settings.batch_size * self.settings.seq_length))

    def spec(self) -> Spec:
        """Return the spec of a network that predicts the next symbol."""
        size = self.vocabulary.size
        return Spec(input_size=size, output_size=size, **network_options(self.settings))

    def largest_batch(self) -> tuple[int, int]:
        """Return the sequences side by side and the steps of the largest batch there is."""
        data = self.data
        if isinstance(data, Streams) or data.rows is None:
            return data.batch_size, data.seq_length
        return min(data.batch_size, len(data.rows)), min(data.seq_length, int(data.rows[:, 1].max()))

    def introduction(self) -> Iterator[str]:
        """Yield lines about the text."""
        corpus, kind = self.corpus, f"{self.vocabulary.size:,} {self.vocabulary.kind}"
        unknown = ""
        if corpus.unknown:
            unknown = f" ({corpus.unknown:,} of them unknown, {corpus.unknown / len(corpus.symbols):.1%})"
        yield f"text        {corpus.source}: {len(corpus.symbols):,} symbols{unknown}, vocabulary of {kind}"
        if self.held_out is not None:
            yield f"validation  {self.held_out.description}"

    def loss(self, network: Network) -> float:
        """Judge a network while it learns."""
        return self._judge(network, VALIDATION_STREAMS).nats

    def loss_words(self, loss: float) -> str:
        """Put a loss into words."""
        return f"{loss:.3f} nats {bits(loss):.3f} bits"

    def result(self, network: Network) -> Result:
        """Judge a network as `elman eval` does, in one stream, unless that would take minutes."""
        assert self.held_out is not None
        exact = len(self.held_out.symbols) <= EXACT_UP_TO
        told = self._judge(network, 1 if exact else VALIDATION_STREAMS)
        line = (
            f"{told.nats:.3f} nats  {told.bits:.3f} bits a symbol  perplexity {told.perplexity:.2f}  "
            f"accuracy {told.accuracy:.1%}  ({told.count:,} symbols)"
        )
        return Result(told.nats, line, {"validation_loss": told.nats})

    def guessing(self, network: Network) -> float:
        """Return the loss of one who knows nothing."""
        return math.log(self.vocabulary.size)

    def record(self) -> dict[str, Any]:
        """Return what the model file says of the text."""
        corpus, held_out = self.corpus, self.held_out
        name = Path(corpus.source).name
        return {
            "text": {"name": name, "sha256": corpus.sha256, "symbols": len(corpus.symbols)},
            "valid_sha256": held_out and held_out.sha256,
            "lines": self.settings.lines,
        }

    def sample(self, network: Network, seed: int) -> str | None:
        """Let the network write."""
        return sample(network, self.vocabulary, length=SAMPLE_LENGTH, lines=self.settings.lines, seed=seed)

    def shown(self, length: int) -> Shown:
        """Return the beginning of what was held out, or else of the text."""
        if self.held_out is None:
            return Shown(self.vocabulary.decode(self.corpus.symbols[:length]), "the beginning of the text")
        symbols, rows = self.held_out.symbols, self.held_out.rows
        if rows is not None:  # "R 2": where the line end before a line stands, and its length
            parts = [symbols[begin + 1 : begin + 1 + count] for begin, count in rows[:length]]
            symbols = np.concatenate(parts)
        return Shown(self.vocabulary.decode(symbols[:length]), "the beginning of what was held out")

    def suggestions(self, model: str, spec: Spec) -> Iterator[str]:
        """Yield commands to go on with."""
        s = self.settings
        named = f" {shlex.quote(s.file)}" if s.file else ""
        yield f"elman sample {model} --length 400 --temperature 0.8"
        yield f"elman info {model}"
        if s.file != "-":
            yield f"elman inspect {model}{named}"
        if s.valid:
            yield f"elman eval {model} {shlex.quote(s.valid)}"
        elif s.file is not None and s.file != "-" and s.lines:
            yield f"elman score {model} {shlex.quote(s.file)} | sort -rn -k2 | head"
        elif s.file != "-" and self.held_out is not None:
            yield f"elman eval {model}{named} --val-frac {s.val_frac:g}"

    def _judge(self, network: Network, streams: int) -> Evaluation:
        assert self.held_out is not None
        held, lines = self.held_out, self.settings.lines
        batches = batches_once(held.symbols, self.vocabulary, lines, streams=streams, rows=held.rows)
        told = evaluate(network, batches)
        assert isinstance(told, Evaluation)  # the head of a text is the softmax
        return told


def read_texts(s: Settings, cell: Cell, vocabulary: Vocabulary | None, record: Record | None = None) -> Texts:
    """Read and split what the settings name for a cell; a vocabulary that is given is used, else one is made.

    Raises: DataError when a text cannot be used, or is not the one of a record.
    """
    options: dict[str, Any] = {"encoding_errors": s.encoding_errors, "lines": s.lines}
    if vocabulary is None:
        options |= {"kind": s.vocab, "min_count": s.min_count, "vocab_size": s.vocab_size}
    corpus = read_text(s.file, vocabulary=vocabulary, **options)
    if record is not None:
        check_same("text", corpus.source, corpus.sha256, record.text.sha256 if record.text else None)
    try:
        data, held_out = _split_lines(corpus, s) if s.lines else _split_stream(corpus, s, cell)
    except DataError as error:
        told = str(error).replace("batch_size ", "--batch-size ").replace("seq_length ", "--seq-length ")
        raise DataError(f"{corpus.source}: {told}") from None
    if s.valid is not None:
        held_out = _other_file(s, corpus.vocabulary, record)
    return Texts(s, corpus, data, held_out)


def _split_stream(corpus: Corpus, s: Settings, cell: Cell) -> tuple[Streams | Lines, HeldOut | None]:
    fraction = 0 if s.valid else s.val_frac
    training, validation = split_stream(corpus.symbols, fraction)
    if fraction and len(validation) < 2:
        raise DataError(_too_little(count_words(len(validation), "symbol"), len(corpus.symbols), fraction))
    try:
        data = Streams(training, s.batch_size, s.seq_length, cell.restart_every)
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
        check_same("text", corpus.source, corpus.sha256, record.valid_sha256)
    rows = find_lines(corpus.symbols, vocabulary.line_end or 0) if s.lines else None
    if len(corpus.symbols) < 2 or (rows is not None and not len(rows)):
        raise DataError(f"{corpus.source}: holds nothing to validate on; it needs 2 symbols, or a line")
    unknown = f", {corpus.unknown:,} of them unknown" if corpus.unknown else ""
    description = f"{corpus.source}: {len(corpus.symbols):,} symbols{unknown}"
    return HeldOut(corpus.symbols, rows, description, corpus.sha256)
