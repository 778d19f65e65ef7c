"""From the options of `elman train` to a table that is read, split and prepared."""

from __future__ import annotations

from elman.data.counting import count
from elman.data.layout import Layout
from elman.data.learning import choose_kind, learn
from elman.data.prepared import learn_preparation
from elman.data.scaling import far_from_unit_size
from elman.data.table import Table, as_numbers, shortened
from elman.data.vocabulary import Vocabulary
from elman.errors import DataError

from .common import Record, check_same, count_words, tell
from .flags import told_in_flags
from .settings import Settings
from .tables import HeldOut, Tables
from .tabular import KINDS, Form, digest, open_table, split

BETWEEN = {"words": " ", "bpe": "\n"}  # texts, so that no word or token spans two of them


def read_tables(s: Settings, form: Form | None, record: Record | None = None) -> Tables:
    """Read and split what the settings name; a form that is given is used, else one is learned.

    Raises: DataError when a table cannot be used, or is not the one of a record; OptionError.
    """
    with told_in_flags():
        layout = _layout(s) if form is None else form.layout
    table = open_table(str(s.file), layout)
    sha256 = digest(table)
    if record is not None:
        check_same("table", table.source, sha256, record.table.sha256 if record.table else None)
    fraction = 0 if s.valid else s.val_frac
    train, held = (table, None) if not fraction else split(table, layout, fraction, s.seed)
    if form is None:
        with told_in_flags(table.source):
            form = _learned(train, layout, s)
    data, held_out = form.examples(train, s.batch_size), None
    if s.valid is not None:
        held_out = _other_file(s, form, record)
    elif held is not None:
        held_out = _held_out(form, held, s)
    return Tables(s, table, sha256, form, data, held_out)


def _layout(s: Settings) -> Layout:
    kind = "numbers" if s.quantiles else KINDS.get(s.head, "numbers")
    return Layout(
        s.target,
        inputs=s.input,
        categories=s.category,
        ahead=s.ahead,
        text=s.text,
        sequence=s.sequence,
        window=s.window,
        horizon=s.horizon,
        stride=s.stride,
        per_sequence=s.readout != "every",
        target_kind=kind,
        scale=s.scale,
    )


def _learned(train: Table, layout: Layout, s: Settings) -> Form:
    """Learn from the rows to train on, and from no others."""
    _check_text_targets(train, layout, s)
    preparation = learn_preparation(train, layout)
    vocabulary = None
    if layout.text is not None:
        vocabulary = _vocabulary(train.texts(layout.text).tolist(), s, train.source)
    if preparation.layout.target_kind == "numbers" and not layout.scale:
        _warn(train, layout)
    return Form(preparation, vocabulary)


def _check_text_targets(train: Table, layout: Layout, s: Settings) -> None:
    """Raise DataError when text is to be predicted where only numbers can be."""
    name = next((name for name in layout.targets if train.is_text(name)), None)
    if name is None or layout.target_kind == "labels":
        return
    column = train.columns[name]
    first = next((row for row, text in enumerate(column) if as_numbers([text]) is None), None)
    found = f"target {name!r} holds text, though not in the rows to train on"
    if first is not None:
        found = f"target {name!r} holds {shortened(column[first])} in {train.place(first)}"
    if layout.target_kind is not None:
        head = s.head or "quantile"
        raise DataError(f"{found}; --head {head} predicts numbers: mend it, or for labels leave --head out")
    if len(layout.targets) > 1:
        raise DataError(f"{found}; several targets are numbers, labels are predicted of one --target alone")
    if layout.window is not None:
        raise DataError(
            f"{found}; a series is continued with numbers: mend it, or to predict labels say which rows "
            "belong together (--sequence), or which column is a text (--text)"
        )


def _vocabulary(texts: list[str], s: Settings, source: str) -> Vocabulary:
    options = {"min_count": s.min_count, "vocab_size": s.vocab_size}
    kind = choose_kind(s.vocab, None, lines=False, **options)  # type: ignore[arg-type]  # one of the choices
    whole = [BETWEEN.get(kind, "").join(texts)]
    return learn(kind, count(kind, whole), whole, source, lines=False, **options)


def _warn(train: Table, layout: Layout) -> None:
    columns = [train.numbers(name) for name in layout.targets]
    fault = far_from_unit_size(list(zip(*columns, strict=True)), layout.targets)
    if fault is not None:
        tell(f"elman: {fault} (leave out --no-scale)")


def _held_out(form: Form, held: Table, s: Settings) -> HeldOut:
    layout = form.layout
    try:
        examples = form.examples(held)
    except DataError as error:
        raise DataError(f"{error} (in what --val-frac {s.val_frac:g} holds out; hold out more)") from None
    if layout.window is None:
        count = count_words(len(examples.x), "sequence" if layout.text is None else "text")
        return HeldOut(held, examples, f"{count} drawn at random, {100 * s.val_frac:.3g}% of all")
    past = f", read after the {layout.window} rows before them" * layout.per_sequence
    return HeldOut(held, examples, f"the last {100 * s.val_frac:.3g}% of the rows{past}")


def _other_file(s: Settings, form: Form, record: Record | None) -> HeldOut:
    table = open_table(str(s.valid), form.layout)
    sha256 = digest(table)
    if record is not None:
        check_same("table", table.source, sha256, record.valid_sha256)
    return HeldOut(table, form.examples(table), f"{table.source}: {len(table):,} rows", sha256)
