"""The engines: the loop over time and the matrix products, for any cell; the NumPy one says what is right."""

from . import reference
from .memory import Memory
from .reference import Tape, Weights, is_symbols
from .threads import blas_threads

__all__ = ["Memory", "Tape", "Weights", "blas_threads", "is_symbols", "reference"]
