"""The engines: the loop over time and the matrix products, for any cell; the NumPy one says what is right."""

from . import reference
from .choice import ENGINES, find
from .course import PLAIN, Course
from .engine import Engine
from .gather import is_symbols, look_up
from .memory import Memory
from .tape import Tape, Weights

__all__ = [
    "ENGINES",
    "PLAIN",
    "Course",
    "Engine",
    "Memory",
    "Tape",
    "Weights",
    "find",
    "is_symbols",
    "look_up",
    "reference",
]
