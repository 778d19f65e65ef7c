"""The directions in which a state moves most: principal components.

Source: Pearson 1901, doi:10.1080/14786440109462720; Hotelling 1933, doi:10.1037/h0071325; for the states of
recurrent networks: Elman 1991, doi:10.1007/BF00114844.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from elman import showing
from elman.errors import NumericError, OptionError, ShapeError
from elman.numerics import Array
from elman.shapes import check, read_size


@dataclass(frozen=True, eq=False, repr=False)
class Principal:
    """The mean of states and the directions in which they vary most, the most important first; all float64.

    Shapes: mean: "H"; directions: "K H", of length 1 and orthogonal to each other, the largest entry of each
            above 0 (the first of equal ones); variances: "K", of the states along each; shares: "K", each
            variance by the sum of all H, 0 where nothing varies.
    """

    mean: Array
    directions: Array
    variances: Array
    shares: Array

    __repr__, _repr_html_ = showing.line, showing.fields

    def path(self, states: ArrayLike) -> Array:
        """Return where states lie along the directions, "T H" → "T K", "H" → "K": 0 is the mean.

        Raises: ShapeError for states of another width.
        """
        read = np.asarray(states, np.float64)
        if not 1 <= read.ndim <= 2 or read.shape[-1] != len(self.mean):
            raise ShapeError(f"states have shape {read.shape}; expected T states of {len(self.mean)} numbers")
        path: Array = (read - self.mean) @ self.directions.T
        return path


def principal_directions(states: ArrayLike, count: int | None = None) -> Principal:
    """Return the principal directions of states.

    Shapes: states: "T H", two or more; count: how many directions, none means all there can be: the smaller
            of T − 1 and H.
    Units:  variances are those of the states, squares divided by T − 1.
    Raises: ShapeError for fewer than two states; OptionError for a count that there cannot be; NumericError
            when a state is not finite.
    Source: Pearson 1901, doi:10.1080/14786440109462720; Hotelling 1933, doi:10.1037/h0071325.

    >>> found = principal_directions([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]], 1)
    >>> found.directions.round(12), found.shares.round(12)
    (array([[0.6, 0.8]]), array([1.]))
    >>> found.path([[3.0, 4.0], [6.0, 8.0]]).round(12)
    array([[0.],
           [5.]])
    """
    read = np.asarray(states, np.float64)
    sizes = check("states", read, "T H")
    if sizes["T"] < 2 or not sizes["H"]:
        raise ShapeError(f"states have shape {read.shape}; directions need two states or more")
    if not np.isfinite(read).all():
        raise NumericError("a state is not finite; directions are those of numbers")
    most = min(sizes["T"] - 1, sizes["H"])
    kept = most if count is None else read_size("count", count)
    if kept > most:
        raise OptionError(
            f"count is {kept}; {sizes['T']} states of {sizes['H']} numbers have {most} directions at most"
        )
    mean = read.mean(axis=0)
    _, singular, directions = np.linalg.svd(read - mean, full_matrices=False)
    variances, total = singular**2 / (sizes["T"] - 1), np.sum(singular**2) / (sizes["T"] - 1)
    directions, variances = directions[:kept], variances[:kept]
    largest = np.abs(directions).argmax(axis=1)[:, None]
    directions = directions * np.sign(np.take_along_axis(directions, largest, axis=1))
    return Principal(mean, directions, variances, variances / total if total else np.zeros_like(variances))
