"""An estimator in the one model file: its parameters and what it learned as JSON beside the network."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from reprlib import repr as short
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from elman import __version__, persistence
from elman.data.scaling import Scaler
from elman.errors import FormatError, OptionError
from elman.forms import shortened
from elman.network import Network
from elman.numerics import Array

from .form import Form

KEYS = {"estimator", "parameters", "learned"}
RUNTIME = ("engine", "threads")  # of the machine, not of the estimator: no file holds them
TYPES = re.compile(r"[OU]|[<>|][biuf][1248]")  # of classes
PLAIN = (bool, int, float, str, type(None))


@dataclass(frozen=True)
class Labels:
    """Classes and their type: "U" is text, "O" any, "<i8" and such as NumPy has them."""

    dtype: str
    values: tuple[bool | int | float | str, ...]


@dataclass(frozen=True)
class Learned:
    """What fit learned beside the network: attributes of these names with an underscore after them."""

    n_iter: int
    loss_curve: tuple[float, ...]
    validation_losses: tuple[float, ...]
    n_features_in: int | None = None
    feature_names_in: tuple[str, ...] | None = None
    form: Form | None = None
    classes: Labels | None = None
    target_shape: tuple[int, ...] | None = None
    target_scaler: Scaler | None = None
    exogenous_scaler: Scaler | None = None
    past: tuple[tuple[float, ...], ...] | None = None
    lines: bool | None = None


def write(path: str | os.PathLike[str], estimator: Any) -> None:
    """Write a fitted estimator; see `Recurrent.save`."""
    check_is_fitted(estimator)
    given = estimator.get_params(deep=False)
    parameters = {name: _plain(name, value) for name, value in given.items() if name not in RUNTIME}
    learned = _facts(_learned(estimator))
    facts = {"estimator": type(estimator).__name__, "parameters": parameters, "learned": learned}
    record = {"elman": __version__, "lines": getattr(estimator, "lines_", False)}
    vocabulary = getattr(estimator, "vocabulary_", None)
    persistence.save(path, estimator.network_, vocabulary, record, preparation=facts)


def read(path: str | os.PathLike[str], kinds: Mapping[str, Any], **runtime: Any) -> Any:
    """Return the estimator in a file, one of these kinds; see `load`."""
    model = persistence.load(path, **runtime)
    facts, file = model.preparation, os.fspath(path)
    if facts is None or set(facts) != KEYS:
        raise FormatError(f"{file}: holds no estimator; elman.load reads other models")
    kind = kinds.get(str(facts["estimator"]))
    if kind is None:
        found = short(facts["estimator"])
        raise FormatError(f"{file}: holds the estimator {found}; expected {' or '.join(kinds)}")
    try:
        estimator = _configured(kind, facts["parameters"])
        attributes = _attributes(_read_learned(facts["learned"]))
        if model.vocabulary is not None:
            attributes["vocabulary"] = model.vocabulary
        _check(attributes, kind.learns, model.network)
    except FormatError as error:
        raise FormatError(f"{file}: {shortened(str(error))}") from None
    vars(estimator).update(runtime | {f"{name}_": value for name, value in attributes.items()})
    estimator.network_ = model.network
    return estimator


def _learned(estimator: Any) -> Learned:
    found: dict[str, Any] = {
        field.name: getattr(estimator, f"{field.name}_", None) for field in fields(Learned)
    }
    if found["classes"] is not None:
        found["classes"] = _labels(found["classes"])
    for name in ("feature_names_in", "past"):
        if found[name] is not None:
            found[name] = found[name].tolist()
    return Learned(**found)


def _labels(classes: Array) -> Labels:
    dtype = classes.dtype.kind if classes.dtype.kind in "OU" else classes.dtype.str
    values = tuple(classes.tolist())
    if not TYPES.fullmatch(dtype) or not all(isinstance(value, PLAIN) for value in values):
        raise OptionError(f"classes {short(values)} cannot be saved; labels are text, numbers or booleans")
    return Labels(dtype, values)


def _attributes(learned: Learned) -> dict[str, Any]:
    """Return what is there of it, as fit leaves it."""
    found = {name: value for name, value in vars(learned).items() if value is not None}
    for name in ("loss_curve", "validation_losses"):
        found[name] = list(found[name])
    if learned.feature_names_in is not None:
        found["feature_names_in"] = np.array(learned.feature_names_in, object)
    if learned.past is not None:
        found["past"] = _array("past", learned.past, "<f8")
    if learned.target_shape is not None:
        found.setdefault("target_scaler", None)
    if learned.past is not None:
        found.setdefault("exogenous_scaler", None)
    if learned.classes is not None:
        found["classes"] = _array("classes", learned.classes.values, learned.classes.dtype)
    return found


def _array(name: str, values: tuple[Any, ...], dtype: str) -> Array:
    try:
        array = np.array(values, dtype) if TYPES.fullmatch(dtype) else None
    except (TypeError, ValueError, OverflowError):
        array = None
    if array is None or _plain(name, array.tolist()) != _plain(name, values):
        raise FormatError(f"the {name} of the estimator are damaged: {short(values)} of type {short(dtype)}")
    return array


def _facts(learned: Learned) -> dict[str, Any]:
    """Return it as JSON has it, what is not there left out."""
    import msgspec

    facts: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(asdict(learned)))
    return {name: value for name, value in facts.items() if value is not None}


def _read_learned(facts: Any) -> Learned:
    import msgspec

    try:
        learned = msgspec.convert(facts, Learned)
    except msgspec.ValidationError as error:
        raise FormatError(f"what the estimator learned is damaged: {error}") from None
    if _facts(learned) != facts:
        raise FormatError("what the estimator learned is not in the one form that is ever written")
    return learned


def _plain(name: str, value: Any) -> Any:
    """Return a parameter as JSON has it: dictionaries as pairs, since their keys may be of any type."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Mapping):
        return {"items": [[_plain(name, key), _plain(name, one)] for key, one in value.items()]}
    if isinstance(value, tuple | list):
        return [_plain(name, one) for one in value]
    if not isinstance(value, PLAIN):
        raise OptionError(f"{name} is {short(value)}, which no file holds: before saving set a plain value")
    return value


def _unplain(value: Any) -> Any:
    if isinstance(value, dict):
        if [*value] != ["items"] or not all(
            isinstance(pair, list) and len(pair) == 2 for pair in value["items"]
        ):
            raise FormatError(f"the parameters of the estimator are damaged: {short(value)}")
        return {_unplain(key): _unplain(one) for key, one in value["items"]}
    return tuple(_unplain(one) for one in value) if isinstance(value, list) else value


def _configured(kind: Any, parameters: Any) -> Any:
    names = set(kind().get_params(deep=False)) - set(RUNTIME)
    if not isinstance(parameters, dict) or set(parameters) != names:
        raise FormatError(f"the parameters are {short(parameters)}; expected those of {kind.__name__}")
    return kind(**{name: _unplain(value) for name, value in parameters.items()})


def _check(attributes: Mapping[str, Any], learns: tuple[str, ...], network: Network) -> None:
    """Raise FormatError unless what was learned is all there and fits the network."""
    missing = [name for name in learns if name not in attributes]
    if missing:
        raise FormatError(f"the estimator did not learn {', '.join(missing)}")
    spec = network.spec
    if "form" in attributes and attributes["form"].size != spec.input_size:
        raise FormatError(f"it reads {attributes['form'].size} values, the network {spec.input_size}")
    columns, scaler = math.prod(attributes.get("target_shape", ())), attributes.get("target_scaler")
    if columns < 1 or spec.output_size % columns or (scaler is not None and len(scaler.mean) != columns):
        raise FormatError(f"its targets have {columns} columns, the network writes {spec.output_size}")
    if "classes" in attributes and len(attributes["classes"]) != spec.output_size:
        raise FormatError(f"it has {len(attributes['classes'])} classes, the network {spec.output_size}")
