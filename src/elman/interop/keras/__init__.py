"""Keras 3: SimpleRNN, GRU, LSTM, Bidirectional, Embedding in front and Dense behind, both ways.

    from_keras, to_keras        a live model, which needs keras; a .keras file, which needs nothing
    export, read, check         what `elman export` and `elman import` call

Batch comes first there, "B T I", time here. A .keras file is read and written here alone, byte by byte
(`archive`, `hdf5`): nothing that it names is imported, and nothing in it can run.
"""

from __future__ import annotations

from .exporting import export, to_keras
from .importing import check, from_keras, read

__all__ = ["check", "export", "from_keras", "read", "to_keras"]
