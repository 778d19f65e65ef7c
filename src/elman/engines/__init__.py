"""The engines: the loop over time and the matrix products, for any cell; the NumPy one says what is right."""

from . import reference
from .course import Course
from .gather import is_symbols, look_up, sum_by_symbol
from .memory import Memory
from .tape import Tape, Weights
from .threads import blas_threads

__all__ = [
    "Course",
    "Memory",
    "Tape",
    "Weights",
    "blas_threads",
    "is_symbols",
    "look_up",
    "reference",
    "sum_by_symbol",
]
