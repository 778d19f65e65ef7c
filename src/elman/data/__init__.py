"""Text to symbols, symbols to batches: data whose order matters. Knows nothing of networks."""

from .batches import Batch, Data, Streams
from .corpus import Corpus, corpus_from_text, opened_symbols, read_corpus, split_stream
from .lines import Lines, find_lines, split_lines
from .once import stream, stream_lines, whole
from .reading import ENCODING_ERRORS
from .vocabulary import KINDS, UNKNOWN, Vocabulary

__all__ = [
    "ENCODING_ERRORS",
    "KINDS",
    "UNKNOWN",
    "Batch",
    "Corpus",
    "Data",
    "Lines",
    "Streams",
    "Vocabulary",
    "corpus_from_text",
    "find_lines",
    "opened_symbols",
    "read_corpus",
    "split_lines",
    "split_stream",
    "stream",
    "stream_lines",
    "whole",
]
