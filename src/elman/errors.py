"""What can go wrong, as a small tree of exceptions; each knows the exit code of the command line.

Exit codes: 2 usage (also of an engine that is not there) or data, 3 a file, 4 numbers, 5 resources (130 and
143 are left to signals).
Every message says what came, what was expected, where, and what to do.
"""


class ElmanError(Exception):
    """The root of the tree: catch this to catch everything `elman` raises on purpose."""

    exit_code = 2


class OptionError(ElmanError, ValueError):
    """An option is out of range or unknown; the message lists the valid choices."""


class ShapeError(ElmanError, ValueError):
    """An array does not have the shape or kind that the network reads."""


class DataError(ElmanError, ValueError):
    """A corpus cannot be used: missing, unreadable, not text, too short."""


class FormatError(ElmanError, ValueError):
    """A model file is damaged, hostile, or of another format or version."""

    exit_code = 3


class FileError(ElmanError, OSError):
    """A model file cannot be opened or written; the message has the path and the reason."""

    exit_code = 3


class NumericError(ElmanError, ArithmeticError):
    """A loss, gradient or weight is not finite."""

    exit_code = 4


class ResourceError(ElmanError, MemoryError):
    """More memory or disk would be needed than there is."""

    exit_code = 5


class EngineError(ElmanError, RuntimeError):
    """The compiled engine was asked for, and is not there."""
