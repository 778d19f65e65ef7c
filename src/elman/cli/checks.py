"""Options of `elman train` that contradict each other, or would change nothing, are refused by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from elman.errors import OptionError

from .settings import FLAGS, Settings

LAYOUT = ("target", "input", "category", "ahead", "sequence", "text", "window", "horizon", "stride", "scale")
VOCABULARY = ("vocab", "min_count", "vocab_size")
OF_TEXTS = ("lines", "encoding_errors", "seq_length")
NETWORK = (
    *(
        "cell",
        "activation",
        "hidden_size",
        "num_layers",
        "bidirectional",
        "embedding_size",
        "tied",
        "readout",
    ),
    *("head", "quantiles", "initialization", "dtype", "layer_norm", "learn_initial_state", "input_dropout"),
    *("recurrent_dropout", "dropout", "output_dropout", "zoneout"),
)
_USELESS = {"bytes": ("min_count", "encoding_errors"), "bpe": ("min_count",)}
_FORWARD = "would read the very symbols that it is to predict: a text is read forward"
_ONE_EACH = "a text has an answer after each symbol, which is the next one"
_NOT_OF_TEXTS = {"bidirectional": _FORWARD, "readout": _ONE_EACH, "head": _ONE_EACH, "quantiles": _ONE_EACH}


def check(given: Mapping[str, Any]) -> None:
    """Refuse options of a new run that contradict each other or would change nothing."""
    _check_data(given)
    fixed = _flags((*NETWORK, *VOCABULARY, *LAYOUT), given)
    if "init_from" in given and fixed:
        raise OptionError(f"--init-from brings a network and its vocabulary: leave out {fixed}")
    if "init_from" in given:
        return
    (_check_table if "target" in given else _check_text)(given)
    symbols = "target" not in given or "text" in given
    if symbols and given.get("input_dropout") and "embedding_size" not in given:
        raise OptionError(
            "--input-dropout drops numbers that are read, symbols have none: give --embedding-size"
        )
    vocab = given.get("vocab", Settings.vocab)
    useless = _flags(_USELESS.get(vocab, ()), given)
    if useless:
        raise OptionError(f"with --vocab {vocab} nothing is rare or replaced: leave out {useless}")
    if (vocab == "bpe") != ("vocab_size" in given):
        raise OptionError(
            "--vocab bpe and --vocab-size go together: bpe alone learns as many symbols as it is told"
        )


def check_beside_model(given: Mapping[str, Any], *, table: bool) -> None:
    """Refuse options that the model of --init-from, of a table or of a text, has no use for."""
    wrong = _flags(OF_TEXTS, given) if table else ""
    if wrong:
        raise OptionError(f"the model of --init-from reads a table: leave out {wrong}, for texts")
    if table and "file" not in given:
        raise OptionError("the model of --init-from reads a table: name FILE")


def _check_data(given: Mapping[str, Any]) -> None:
    if given.get("file") == "-" == given.get("valid"):
        raise OptionError("FILE and --valid are both standard input, which can be read once; name a file")
    if "valid" in given and "val_frac" in given:
        raise OptionError("--valid and --val-frac came together: with --valid nothing is held out of FILE")
    if "patience" in given and given.get("val_frac") == 0:
        raise OptionError("--patience counts validations, and --val-frac 0 leaves none: hold something out")


def _check_text(given: Mapping[str, Any]) -> None:
    for name, reason in _NOT_OF_TEXTS.items():
        if given.get(name):
            raise OptionError(f"{FLAGS[name]}: {reason}; for labels or numbers of a table name its --target")
    wrong = _flags(LAYOUT, given)
    if wrong:
        raise OptionError(f"{wrong}: for a table, whose column to predict is named with --target")


def _check_table(given: Mapping[str, Any]) -> None:
    wrong = _flags(OF_TEXTS, given)
    if "file" not in given:
        raise OptionError("--target is a column of a table: name FILE")
    if wrong:
        raise OptionError(f"{wrong}: for texts; with --target FILE is a table: leave it out")
    wrong = _flags((*VOCABULARY, "embedding_size", "tied"), given)
    if wrong and "text" not in given:
        raise OptionError(f"{wrong}: for a column of text, named with --text; this table is read as numbers")
    _check_rows(given)
    if given.get("head") == "softmax" and len(given["target"]) > 1:
        raise OptionError(
            "--head softmax predicts one of several labels, in one --target; --head sigmoid several"
        )
    if "scale" in given and given.get("head") in ("softmax", "sigmoid") and "text" in given:
        raise OptionError("--scale has no numbers to scale: texts are read, and labels predicted")


def _check_rows(given: Mapping[str, Any]) -> None:
    if "text" in given:
        wrong = _flags(("input", "category", "ahead", "sequence", "window", "horizon", "stride"), given)
        if wrong:
            raise OptionError(f"with --text each row is a sequence of its own: leave out {wrong}")
        if given.get("readout") == "every":
            raise OptionError(
                "--readout every: with --text a target stands for a whole row; take last or mean"
            )
    if "sequence" in given and "window" not in given:
        wrong = _flags(("horizon", "stride", "ahead"), given)
        if wrong:
            raise OptionError(f"{wrong}: for series; give --window, or leave it out")
    series = "text" not in given and ("sequence" not in given or "window" in given)
    if series and given.get("head") == "softmax" and len(given["target"]) == 1:
        raise OptionError(
            "--head softmax predicts labels: say which rows belong together (--sequence), or which column "
            "is a text (--text); a --window of a series is continued with numbers"
        )
    if series and given.get("bidirectional") and given.get("readout") == "every":
        raise OptionError("--bidirectional with --readout every would read the rows that it is to predict")


def _flags(names: Iterable[str], given: Mapping[str, Any]) -> str:
    """Return those of the options that were given, as flags."""
    return ", ".join(FLAGS[name] for name in names if name in given)
