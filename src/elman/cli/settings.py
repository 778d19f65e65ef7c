"""What a training run is made of: every option that changes its result, kept in the files it writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from elman.errors import FormatError, OptionError


@dataclass(frozen=True)
class Settings:
    """The options of `elman train` by which the result is decided; the defaults are the command's."""

    file: str | None = None
    valid: str | None = None
    val_frac: float = 0.1
    vocab: str = "chars"
    min_count: int | None = None
    lines: bool = False
    encoding_errors: str = "strict"
    cell: str = "elman"
    activation: str = "tanh"
    hidden_size: int = 128
    num_layers: int = 1
    dtype: str = "float32"
    seq_length: int = 64
    batch_size: int = 32
    epochs: float | None = None
    steps: int | None = None
    minutes: float | None = None
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
        """Steps, epochs or minutes, for `train`; 20 epochs when none is given."""
        given = {name: getattr(self, name) for name in ("steps", "epochs", "minutes")}
        return {k: v for k, v in given.items() if v is not None} or {"epochs": 20}

    def facts(self) -> dict[str, Any]:
        """Return the settings as plain data."""
        return asdict(self)


FLAGS = {f.name: "FILE" if f.name == "file" else "--" + f.name.replace("_", "-") for f in fields(Settings)}


def resumed(record: Mapping[str, Any], given: Mapping[str, Any], path: str) -> Settings:
    """Return the settings of a checkpoint; options given beside --resume must agree with them.

    Only FILE may have moved: that it is the same text is checked once it is read.
    Raises: OptionError naming every option that differs: a run that goes on is the same run; FormatError
            when there are no settings.
    """
    stored = record.get("settings")
    if not isinstance(stored, dict) or set(stored) != set(FLAGS):
        raise FormatError(
            f"{path}: a model, not the checkpoint of a run; --init-from starts from its weights"
        )
    differing = [
        f"{FLAGS[name]} {value} (the run has {stored[name]})"
        for name, value in given.items()
        if name != "file" and stored[name] != value
    ]
    if differing:
        raise OptionError(
            f"--resume goes on with the same run, but these differ: {', '.join(differing)}. Leave them out, "
            "or start a new run from its weights with --init-from"
        )
    return _settings(stored | {name: value for name, value in given.items() if name == "file"}, path)


def _settings(stored: dict[str, Any], path: str) -> Settings:
    import msgspec

    try:
        return msgspec.convert(stored, Settings)
    except msgspec.ValidationError as error:
        raise FormatError(f"{path}: the settings in it are none: {error}") from None
