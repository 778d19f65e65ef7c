"""Shapes checked at the door by the very text that documents them."""

from __future__ import annotations

import numpy as np

from .errors import OptionError, ShapeError
from .numerics import Array


def check(name: str, x: Array, axes: str, hint: str = "", /, **sizes: int) -> dict[str, int]:
    """Compare the shape of x with axes such as "T B I" and return the sizes by letter.

    A letter given in `sizes` must agree; any other is free. `hint` ends the message when it does not.
    Raises: ShapeError, naming what came and what was expected.

    >>> check("x", np.zeros((5, 3, 7)), "T B I", I=7)
    {'T': 5, 'B': 3, 'I': 7}
    >>> check("h", np.zeros(4), "H", "W is 3 × 3.", H=3)
    Traceback (most recent call last):
    elman.errors.ShapeError: h has shape (4,), H = 4; expected H = 3. W is 3 × 3.
    """
    letters = axes.split()
    found = dict(zip(letters, x.shape, strict=False))
    if x.ndim != len(letters):
        wanted = " ".join(f"{letter}={sizes[letter]}" if letter in sizes else letter for letter in letters)
        many = f"{x.ndim} axes" if x.ndim != 1 else "1 axis"
        raise ShapeError(f"{name} has {many}, shape {x.shape}; expected ({wanted}). {hint}".rstrip())
    if sizes and (wrong := [letter for letter, size in sizes.items() if found[letter] != size]):
        came = ", ".join(f"{letter} = {found[letter]}" for letter in wrong)
        asked = ", ".join(f"{letter} = {sizes[letter]}" for letter in wrong)
        raise ShapeError(f"{name} has shape {x.shape}, {came}; expected {asked}. {hint}".rstrip())
    return found


def read_size(name: str, value: object) -> int:
    """Return a size as an int; NumPy's integers are taken too.

    Raises: OptionError unless it is a whole number, 1 or more.

    >>> read_size("hidden_size", 0)
    Traceback (most recent call last):
    elman.errors.OptionError: hidden_size is 0; it must be a whole number, 1 or more
    """
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
        raise OptionError(f"{name} is {value!r}; it must be a whole number, 1 or more")
    return int(value)
