"""Tiny Shakespeare, the text that `elman train` learns when none is named: 40,000 lines of his plays.

NOTICE: the file is data/tinyshakespeare/input.txt of https://github.com/karpathy/char-rnn (Andrej Karpathy,
MIT license), byte for byte, compressed; the text of William Shakespeare is in the public domain.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from importlib import resources

from elman.errors import FormatError

NAME = "Tiny Shakespeare (bundled)"
SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
_FILE = "tiny_shakespeare.txt.gz"


def text() -> str:
    """Return the text, 1,115,394 characters of ASCII, once its checksum is found right.

    Raises: FormatError when the file in the installed package is missing or damaged.

    >>> print(text()[:14])
    First Citizen:
    """
    try:
        raw = gzip.decompress(resources.files("elman.data").joinpath(_FILE).read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise FormatError(f"{NAME}: {_FILE} cannot be read ({error}); install elman again") from error
    if hashlib.sha256(raw).hexdigest() != SHA256:
        raise FormatError(f"{NAME}: {_FILE} is damaged, its checksum is wrong; install elman again")
    return raw.decode("ascii")
