"""Text to symbols, symbols to batches: data whose order matters. Knows nothing of networks."""

from .batches import Batch, Data, Streams, cut_time
from .corpus import Corpus, corpus_from_text, opened_symbols, read_corpus, split_stream
from .layout import Layout, split_table
from .lines import Lines, find_lines, split_lines
from .once import stream, stream_lines, whole
from .padding import pad
from .preparation import Preparation
from .prepared import Prepared, learn_preparation, prepare
from .reading import ENCODING_ERRORS
from .scaling import Scaler, far_from_unit_size, fit_scaler
from .sequences import Sequences, class_weights
from .sources import read_table, table_from_frame
from .table import Table
from .vocabulary import KINDS, UNKNOWN, Vocabulary
from .windows import Windows, cut_windows, split_series

__all__ = [
    "ENCODING_ERRORS",
    "KINDS",
    "UNKNOWN",
    "Batch",
    "Corpus",
    "Data",
    "Layout",
    "Lines",
    "Preparation",
    "Prepared",
    "Scaler",
    "Sequences",
    "Streams",
    "Table",
    "Vocabulary",
    "Windows",
    "class_weights",
    "corpus_from_text",
    "cut_time",
    "cut_windows",
    "far_from_unit_size",
    "find_lines",
    "fit_scaler",
    "learn_preparation",
    "opened_symbols",
    "pad",
    "prepare",
    "read_corpus",
    "read_table",
    "split_lines",
    "split_series",
    "split_stream",
    "split_table",
    "stream",
    "stream_lines",
    "table_from_frame",
    "whole",
]
