"""What a training run is made of: every option that changes its result, kept in the files it writes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from elman.errors import FormatError, OptionError


@dataclass(frozen=True)
class Settings:
    """The options of `elman train` by which the result is decided; the defaults are those of a text."""

    file: str | None = None
    valid: str | None = None
    val_frac: float = 0.1
    vocab: str = "chars"
    min_count: int | None = None
    vocab_size: int | None = None
    lines: bool = False
    encoding_errors: str = "strict"
    seq_length: int = 64
    target: tuple[str, ...] = ()
    input: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    ahead: tuple[str, ...] = ()
    sequence: str | None = None
    text: str | None = None
    window: int | None = None
    horizon: int = 1
    stride: int = 1
    scale: bool = True
    cell: str = "elman"
    activation: str = "tanh"
    hidden_size: int | tuple[int, ...] = 128
    num_layers: int | None = None
    bidirectional: bool = False
    embedding_size: int | None = None
    tied: bool = False
    readout: str | None = None
    head: str | None = None
    quantiles: tuple[float, ...] = ()
    initialization: str = "orthogonal"
    dtype: str = "float32"
    layer_norm: bool = False
    learn_initial_state: bool = False
    input_dropout: float = 0.0
    recurrent_dropout: float = 0.0
    dropout: float = 0.0
    output_dropout: float = 0.0
    zoneout: float = 0.0
    weight_decay: float | None = None
    batch_size: int = 32
    epochs: float | None = None
    steps: int | None = None
    minutes: float | None = None
    patience: int | None = None
    optimizer: str = "adam"
    lr: float | None = None
    schedule: str = "cosine"
    grad_clip: float = 1.0
    validate_every: int | None = None
    seed: int = 0
    init_from: str | None = None

    def __post_init__(self) -> None:
        """Refuse more than one limit, whether it comes from the command line or a checkpoint."""
        if len(self.limit) > 1:
            raise OptionError(
                f"{' and '.join(FLAGS[name] for name in self.limit)} came together; give one of them"
            )

    @property
    def limit(self) -> dict[str, Any]:
        """Steps, epochs or minutes, for `train`; empty when nothing is said."""
        given = {name: getattr(self, name) for name in ("steps", "epochs", "minutes")}
        return {name: value for name, value in given.items() if value is not None}

    def facts(self) -> dict[str, Any]:
        """Return the settings as plain data."""
        facts: dict[str, Any] = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}
        return facts | {name: in_text(facts[name]) for name in PATHS}


FLAGS = {f.name: "FILE" if f.name == "file" else "--" + f.name.replace("_", "-") for f in fields(Settings)}

PATHS = ("file", "valid", "init_from")

TABLE_DEFAULTS: dict[str, Any] = {"cell": "gru", "hidden_size": 64}
WINDOW = 28  # rows of a series: four weeks of days, more than two years of months


def with_defaults(given: Mapping[str, Any]) -> Settings:
    """Return the settings of a new run: what was given, and what suits a text or a table."""
    if not given.get("target"):
        return Settings(**given)
    series = "sequence" not in given and "text" not in given
    usual = TABLE_DEFAULTS | ({"window": WINDOW} if series else {})
    return Settings(**usual | dict(given))


def resumed(record: Mapping[str, Any], given: Mapping[str, Any], path: str) -> Settings:
    """Return the settings of a checkpoint; options given beside --resume must agree with them.

    Only files may have moved: that they hold the same is checked once they are read.
    Raises: OptionError naming every option that differs: a run that goes on is the same run; FormatError
            when there are no settings.
    """
    stored = record.get("settings")
    if not isinstance(stored, dict) or not set(stored) <= set(FLAGS):
        raise FormatError(
            f"{path}: a model, not the checkpoint of a run; --init-from starts from its weights"
        )
    run = _settings(Settings().facts() | stored, path)  # an older elman had fewer options
    paths: dict[str, Any] = {name: from_text(getattr(run, name), path) for name in PATHS}
    run = replace(run, **paths)
    moved = {
        name: value for name, value in given.items() if name == "file" or (name == "valid" and run.valid)
    }
    differing = [
        f"{FLAGS[name]} {value} (the run has {getattr(run, name)})"
        for name, value in given.items()
        if name not in moved and getattr(run, name) != value
    ]
    if differing:
        raise OptionError(
            f"--resume goes on with the same run, but these differ: {', '.join(differing)}. Leave them out, "
            "or start a new run from its weights with --init-from"
        )
    return replace(run, **moved)


def in_text(name: str | None) -> str | None:
    r"""Return the name of a file as a model file can hold it: one that is no text as its bytes, after a NUL.

    >>> in_text("café.txt"), in_text("caf\udce9.txt")
    ('café.txt', '\x00636166e92e747874')
    """
    if name is None or name.encode("utf-8", "replace").decode("utf-8") == name:
        return name
    return "\0" + os.fsencode(name).hex()


def from_text(told: str | None, path: str) -> str | None:
    """Return what `in_text` was given.

    Raises: FormatError when it was given nothing that leads to this.
    """
    if told is None or not told.startswith("\0"):
        return told
    try:
        return os.fsdecode(bytes.fromhex(told[1:]))
    except ValueError:
        raise FormatError(f"{path}: a name of a file in it is none: {told[:40]!r}") from None


def _settings(stored: dict[str, Any], path: str) -> Settings:
    import msgspec

    try:
        return msgspec.convert(stored, Settings)
    except msgspec.ValidationError as error:
        raise FormatError(f"{path}: the settings in it are none: {error}") from None
