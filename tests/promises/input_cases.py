"""Corpora that are odd, broken or none at all, each with what is documented to happen to it."""

from __future__ import annotations

import bz2
import gzip
import lzma
from typing import NamedTuple

from cli_cases import rhyme
from elman.data import reading

GOOD = rhyme(400).encode()
PIECE = reading.PIECE_BYTES
REPLACE, IGNORE = ("--encoding-errors", "replace"), ("--encoding-errors", "ignore")
BYTES, WORDS = ("--vocab", "bytes"), ("--vocab", "words", "--min-count", "1")
ONE = "only one distinct symbol"


class Corpus(NamedTuple):
    """What a file holds, the words that refuse it (none: it is learned from), and the options to read it."""

    raw: bytes
    told: str | None = None
    options: tuple[str, ...] = ()


def at_the_edge(broken: bytes) -> bytes:
    """These bytes across the edge of the pieces in which a file is read."""
    return GOOD + b"a" * (PIECE - len(GOOD) - 1) + broken + GOOD


CORPORA = {
    "empty": Corpus(b"", "is empty"),
    "empty, as bytes": Corpus(b"", "is empty", BYTES),
    "one byte": Corpus(b"a", f"{ONE} ('a', 1 x)"),
    "one character again and again": Corpus(b"a" * 9999, f"{ONE} ('a', 9999 x)"),
    "one byte again and again": Corpus(b"\xff" * 9999, ONE, BYTES),
    "one word again and again": Corpus(b"net " * 999, f"{ONE} ('net', 999 x)", WORDS),
    "line ends": Corpus(b"\r\n" * 99, f"{ONE} ('\\n', 99 x)"),
    "NUL alone": Corpus(b"\0" * 999, f"{ONE} ('\\x00', 999 x)"),
    "two characters": Corpus(b"ab", "--val-frac 0.1 holds out 1 symbol of 2"),
    "all too rare": Corpus(b"abc" * 99, "too rare to be learned", ("--min-count", "9999")),
    "shorter than the window": Corpus(b"abcd" * 3, "what is left to train on has 10 symbols"),
    "blanks, as words": Corpus(b" \t " * 99, "holds no words", WORDS),
    "blank lines, as lines": Corpus(b"\n" * 99, ONE, ("--lines",)),
    "one line, as lines": Corpus(b"a line and no more", "too few to hold out 0.1", ("--lines",)),
    "a byte order mark alone": Corpus(b"\xef\xbb\xbf", "is empty"),
    "a byte order mark before text": Corpus(b"\xef\xbb\xbf" + GOOD),
    "CR LF": Corpus(GOOD.replace(b"\n", b"\r\n")),
    "CR alone": Corpus(GOOD.replace(b"\n", b"\r")),
    "no line end": Corpus(GOOD.replace(b"\n", b" ")),
    "NUL in a text": Corpus(GOOD.replace(b"n", b"\0")),
    "control characters": Corpus(GOOD.replace(b"n", b"\x1b[31m\x07\x08")),
    "invalid at the start": Corpus(b"\xff" + GOOD, "byte 0xff at byte offset 0 (invalid start byte)"),
    "invalid in the middle": Corpus(GOOD + b"\xfe" + GOOD, f"byte 0xfe at byte offset {len(GOOD)} ("),
    "invalid at the edge of a piece": Corpus(at_the_edge(b"\xc3("), f"at byte offset {PIECE - 1} ("),
    "valid at the edge of a piece": Corpus(at_the_edge("😀".encode()), None, ("--batch-size", "3000")),
    "cut in a character": Corpus(GOOD + b"\xf0\x9f", f"byte offset {len(GOOD)} (unexpected end of data)"),
    "an overlong form": Corpus(GOOD + b"\xc0\x80", f"byte 0xc0 at byte offset {len(GOOD)}"),
    "beyond Unicode": Corpus(GOOD + b"\xf4\x90\x80\x80", f"byte 0xf4 at byte offset {len(GOOD)}"),
    "a lone surrogate": Corpus(GOOD + b"\xed\xa0\x80", f"byte 0xed at byte offset {len(GOOD)}"),
    "invalid, replaced": Corpus(GOOD + b"\xff\xed\xa0\x80" + GOOD, None, REPLACE),
    "invalid, ignored": Corpus(b"\xff" + GOOD + b"\xc3", None, IGNORE),
    "invalid, as bytes": Corpus(b"\xff\0\xed\xa0\x80" * 99, None, BYTES),
    "UTF-16": Corpus(rhyme(400).encode("utf-16"), "UTF-16"),
    "Latin-1": Corpus("grün und blau\n".encode("latin-1") * 20, "byte 0xfc at byte offset 2"),
    "gzip": Corpus(gzip.compress(GOOD), "it looks compressed (gzip)"),
    "bzip2": Corpus(bz2.compress(GOOD), "it looks compressed (bzip2)"),
    "xz": Corpus(lzma.compress(GOOD), "it looks compressed (xz)"),
    "gzip, as bytes": Corpus(gzip.compress(GOOD), None, BYTES),
    "combining characters": Corpus("e\u0301a\u0308\u0323 z\u0336\u0347\n".encode() * 40),
    "emoji": Corpus("👩‍👩‍👧‍👦 🏳️‍🌈 😀\n".encode() * 40),
    "right to left": Corpus("שלום \u202eעולם\u202c مرحبا\n".encode() * 40),
    "every plane": Corpus(
        "".join(chr(k) for k in range(0x20, 0x110000, 4099) if not 0xD800 <= k < 0xE000).encode()
    ),
}
