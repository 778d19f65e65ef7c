"""Tables: the same columns from CSV, Parquet, Arrow, frames and arrays; one clear error for what is none."""

from __future__ import annotations

import csv
import gzip
import io
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas
import polars
import pyarrow
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.data import delimited
from elman.data.delimited import read_delimited
from elman.data.sources import read_table, table_from_frame
from elman.data.table import Table
from elman.errors import DataError, OptionError

DAYS = b'day,rides,note\nMo,7.5,"a ""b"""\nTu,,"c, d"\nWe,-1e2,"e\nf"\n'
RIDES = np.array([7.5, np.nan, -100.0])


def table_of(data: bytes, **options: object) -> Table:
    return read_delimited(io.BytesIO(data), "a.csv", **options)


def written(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def assert_days(table: Table) -> None:
    assert table.names == ("day", "rides", "note")
    assert table.texts("day").tolist() == ["Mo", "Tu", "We"]
    assert table.columns["rides"].dtype == np.float64
    assert np.array_equal(table.columns["rides"], RIDES, equal_nan=True)
    assert [table.is_text(name) for name in table.names] == [True, False, True]


# ------------------------------------------------------------------------------------------------------ CSV


@pytest.mark.parametrize("change", [lambda data: data, lambda data: b"\xef\xbb\xbf" + data.rstrip(b"\n")])
def test_a_csv_becomes_columns(change):
    table = table_of(change(DAYS))
    assert_days(table)
    assert table.texts("note").tolist() == ['a "b"', "c, d", "e\nf"]
    assert table.places.tolist() == [2, 3, 4]
    assert len(table) == 3


def test_cr_lf_and_empty_lines_at_the_end():
    table = table_of(b"a,b\r\n1,x\r\n2,y\r\n\r\n\r\n")
    assert table.numbers("a").tolist() == [1, 2]
    assert table.texts("b").tolist() == ["x", "y"]


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6)


@settings(deadline=None)
@given(
    rows=st.lists(st.tuples(TEXTS, st.floats(allow_infinity=False), TEXTS), min_size=1, max_size=12),
    style=st.sampled_from([("\r\n", csv.QUOTE_MINIMAL), ("\n", csv.QUOTE_NONNUMERIC), ("\n", csv.QUOTE_ALL)]),
    block=st.integers(1, 5),
)
def test_what_csv_writes_is_read_again(rows, style, block):
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator=style[0], quoting=style[1])
    writer.writerows([("id", "x", "y"), *rows])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "BLOCK", block)
        table = table_of(file.getvalue().encode(), text=("id", "y"))
    assert table.columns["id"].tolist() == [row[0] for row in rows]
    assert np.array_equal(table.columns["x"], [row[1] for row in rows], equal_nan=True)
    assert table.columns["y"].tolist() == [row[2] for row in rows]
    starts = np.cumsum([1 + row[0].count("\n") + row[2].count("\n") for row in rows])
    assert table.places.tolist() == [2, *(starts[:-1] + 2)]


@pytest.mark.parametrize("block", [1, 2, 100])
def test_numbers_with_text_further_down_are_text_from_the_start(monkeypatch, block):
    monkeypatch.setattr(delimited, "BLOCK", block)
    table = table_of(b"a,b,c\n01,1,x\n2,2,3\nx,,4\n")
    assert table.columns["a"].tolist() == ["01", "2", "x"]
    assert np.array_equal(table.columns["b"], [1, 2, np.nan], equal_nan=True)
    assert table.columns["c"].tolist() == ["x", "3", "4"]


def test_text_on_request():
    table = table_of(b"id,x\n007,1\n012,2\n", text=["id", "not there"])
    assert table.texts("id").tolist() == ["007", "012"]
    assert table.numbers("x").tolist() == [1, 2]


@pytest.mark.parametrize("field", ["1_000", "١", "0x10", "1,5", "one", " ", "--1"])
def test_what_is_no_number(field):
    assert table_of(f'a,b\n1,"{field}"\n'.encode()).is_text("b")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", ["a.csv is empty", "names the columns"]),
        (b"\xef\xbb\xbf", ["a.csv is empty"]),
        (b"a,b\n", ["no rows"]),
        (b"a,b\n1,2\n1,2,3\n1,2\n", ["line 3 has 3 fields; expected 2", "(a, b)", "quoted"]),
        (b'a,b\n"1\n\n",2\n1\n', ["line 5 has 1 fields"]),
        (b"a,b\n1,2\n\n\n3,4\n", ["line 3 is empty"]),
        (b"\na,b\n1,2\n", ["line 1 is empty"]),
        (b"a,b,a\n1,2,3\n", ["2 columns are named 'a'"]),
        (b",b\n1,2\n", ["column 1 has no name", "index=False"]),
        (b"a,b,\n1,2,3\n", ["column 3 has no name"]),
        (b"1.5,2\n1,2\n", ["line 1 holds numbers (1.5, 2)", "names"]),
        (b"a;b\n1;2\n", ["no comma ('a;b')", "commas", ".tsv"]),
        (b"a,b\n1,2\n1,\xff\n", ["line 3 is not UTF-8", "byte 0xff at its byte 2", "convert"]),
        (b"a,b\n1,\0\n", ["line 2 holds a NUL"]),
        (b'a,b\n1,"2\n3,4\n5,6\n', ["begins in line 2", "quote"]),
        (b'a,b\n1,"2"3\n', ["begins in line 2", "quote"]),
        (b"a,b\n1,2\r3,4\n", ["begins in line 2", "new-line"]),
        (b"a,b\n1," + b"9" * 200_000 + b"\n", ["begins in line 2", "field limit"]),
        (b"\x80\x02", ["line 1 is not UTF-8"]),
    ],
)
def test_what_is_not_csv_is_one_clear_error(data, words):
    with pytest.raises(DataError) as error:
        table_of(data)
    message = str(error.value)
    assert message.startswith("a.csv")
    assert "\n" not in message
    assert [word for word in words if word not in message] == []


def test_a_line_without_end_is_refused_before_it_is_in_memory(monkeypatch):
    monkeypatch.setattr(delimited, "LONGEST_LINE", 10)
    assert table_of(b"a,b\n123,56789\n").numbers("b").tolist() == [56789]
    with pytest.raises(DataError, match=r"line 2 is longer than 10 bytes"):
        table_of(b"a,b\n1234,56789\n")


def test_columns_that_pandas_numbered_have_names():
    assert table_of(b"0,1,2\n5,6,7\n").numbers("2").tolist() == [7]


# ---------------------------------------------------------------------------------------------------- files


def test_files_by_their_suffix(tmp_path):
    tabs = DAYS.replace(b"c, d", b"c; d").replace(b",", b"\t")
    frame = pyarrow.table({"day": ["Mo", "Tu", "We"], "rides": [7.5, None, -100], "note": ["x", "y", "z"]})
    pyarrow.parquet.write_table(frame, tmp_path / "days.parquet")
    pyarrow.feather.write_feather(frame, tmp_path / "days.feather")
    with pyarrow.ipc.new_file(str(tmp_path / "days.arrow"), frame.schema) as file:
        file.write_table(frame)
    paths = [
        written(tmp_path, "days.csv", DAYS),
        written(tmp_path, "days", DAYS),
        written(tmp_path, "days.TSV", tabs),
        written(tmp_path, "days.csv.gz", gzip.compress(DAYS)),
        written(tmp_path, "days.tsv.gz", gzip.compress(tabs)),
        *(tmp_path / f"days.{suffix}" for suffix in ("parquet", "feather", "arrow")),
    ]
    for path in paths:
        assert_days(read_table(path))
    assert read_table(paths[0]).place(1) == "line 3"
    assert read_table(paths[-1]).place(1) == "row 1"


def test_a_compressed_table_is_read_again_when_text_comes_late(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "BLOCK", 1)
    path = written(tmp_path, "a.csv.gz", gzip.compress(b"a\n01\nx\n"))
    assert read_table(path).texts("a").tolist() == ["01", "x"]


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(DAYS)))
    table = read_table("-")
    assert_days(table)
    assert table.source == "standard input"


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.csv.gz", DAYS, ["cannot be read", "line 0", "gzip"]),
        ("a.csv.gz", gzip.compress(DAYS)[:-9], ["cannot be read"]),
        ("a.csv.gz", gzip.compress(DAYS)[:12] + b"\xff" * 40, ["cannot be read"]),
        ("a.parquet", b"PAR1 and nothing else", ["cannot be read as .parquet"]),
        ("a.arrow", b"nothing", ["cannot be read as .arrow"]),
        ("a.feather", b"", ["cannot be read as .feather"]),
        ("a.xlsx", b"PK\x03\x04\x14\0\xff", ["line 1 is not UTF-8"]),
    ],
)
def test_damaged_files(tmp_path, name, data, words):
    with pytest.raises(DataError) as error:
        read_table(written(tmp_path, name, data))
    message = str(error.value)
    assert name in message
    assert "\n" not in message
    assert [word for word in words if word not in message] == []


def test_a_path_that_leads_nowhere(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_table(tmp_path / "a.csv")
    with pytest.raises(DataError, match="directory"):
        read_table(tmp_path)


@pytest.mark.parametrize("package", ["pyarrow", "narwhals"])
def test_a_missing_package_names_the_extra(tmp_path, monkeypatch, package):
    frame = pyarrow.table({"x": [1, 2]})
    pyarrow.parquet.write_table(frame, tmp_path / "a.parquet")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(OptionError, match=rf"needs {package}, .* pip install 'elman\[data\]'"):
        read_table(tmp_path / "a.parquet")


# --------------------------------------------------------------------------------------------------- frames

COLUMNS = {
    "whole": [3, 1, 2],
    "real": [0.5, None, 1.5],
    "yes": [True, False, True],
    "word": ["a", None, "c"],
}
FRAMES = {
    "pandas": pandas.DataFrame,
    "polars": polars.DataFrame,
    "lazy": polars.LazyFrame,
    "pyarrow": pyarrow.table,
    "mapping": dict,
}


@pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)
def test_every_frame_gives_the_same_table(make):
    table = table_from_frame(make(COLUMNS))
    assert table.names == tuple(COLUMNS)
    assert table.numbers("whole").tolist() == [3, 1, 2]
    assert table.numbers("yes").tolist() == [1, 0, 1]
    assert np.array_equal(table.columns["real"], [0.5, np.nan, 1.5], equal_nan=True)
    assert table.columns["word"].tolist() == ["a", "", "c"]
    assert {table.columns[name].dtype for name in ("whole", "real", "yes")} == {np.dtype(np.float64)}
    assert (table.place(2), table.unit) == ("row 2", "row")


def test_columns_of_other_types_are_written_out():
    frame = pandas.DataFrame(
        {
            "date": pandas.to_datetime(["2020-01-02", None]),
            "kind": pandas.Categorical(["a", None]),
            "maybe": pandas.array([1, None], dtype="Int64"),
            "mixed": pandas.Series([1, 2.5], dtype=object),
            "other": pandas.Series([1, "x"], dtype=object),
        }
    )
    table = table_from_frame(frame)
    assert table.columns["date"].tolist() == ["2020-01-02 00:00:00", ""]
    assert table.columns["kind"].tolist() == ["a", ""]
    assert np.array_equal(table.columns["maybe"], [1, np.nan], equal_nan=True)
    assert table.numbers("mixed").tolist() == [1, 2.5]
    assert table.texts("other").tolist() == ["1", "x"]


def test_text_in_a_frame_stays_text_even_where_it_looks_like_numbers():
    table = table_from_frame(polars.DataFrame({"id": ["007", "012"]}))
    assert table.texts("id").tolist() == ["007", "012"]
    with pytest.raises(DataError, match="column 'id' holds '007' in row 0; expected numbers"):
        table.numbers("id")


def test_arrays_have_numbered_columns():
    table = table_from_frame(np.array([[1, 2, 3], [4, 5, 6]], np.int8))
    assert table.names == ("x0", "x1", "x2")
    assert table.numbers("x1").tolist() == [2, 5]
    assert table_from_frame(np.arange(3)).numbers("x0").tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ([1, 2], ["is a list", "a frame, a mapping of columns or an array"]),
        ({"x": [1, 2], "y": [1]}, ["column 'y' has 1 rows, 'x' has 2"]),
        ({"x": [[1, 2], [3, 4]]}, ["column 'x' has shape (2, 2)"]),
        ({"x": np.array([1j])}, ["complex"]),
        ({}, ["is empty"]),
        ({"x": []}, ["is empty", "no rows"]),
        (np.zeros((2, 2, 2)), ["shape (2, 2, 2)"]),
        (pandas.DataFrame([[1, 2]], columns=["a", "a"]), ["'a' 2 times", "own name"]),
    ],
    ids=str,
)
def test_what_is_no_frame(frame, words):
    with pytest.raises(DataError) as error:
        table_from_frame(frame, source="given")
    message = str(error.value)
    assert message.startswith("given")
    assert "\n" not in message
    assert [word for word in words if word not in message] == []


# ------------------------------------------------------------------------------------------- asking a table


def test_numbers_name_the_first_field_that_is_none():
    table = table_of(b"a,b,c\n1,5,1\n2,abc,\n3,6,inf\n4,x,\n")
    assert table.numbers("a").tolist() == [1, 2, 3, 4]
    with pytest.raises(DataError, match=r"column 'b' holds 'abc' in line 3; expected numbers .*--category b"):
        table.numbers("b")
    with pytest.raises(DataError, match=r"column 'c' holds no number .* in line 3, as do 2 more;"):
        table.numbers("c")
    with pytest.raises(DataError, match="column 'c' holds inf in line 4; expected finite"):
        table.take([0, 2]).numbers("c")
    with pytest.raises(DataError, match="'c' holds no number"):
        table_of(b"c\nnan\n").numbers("c")


def test_texts_write_numbers_out_and_refuse_what_is_empty():
    table = table_of(b"a,b,c\n1,0.1,x\n20,1e300,\n-0,3,y\n")
    assert table.texts("a").tolist() == ["1", "20", "0"]
    assert table.texts("b").tolist() == ["0.1", repr(1e300), "3"]
    with pytest.raises(DataError, match="column 'c' is empty in line 3"):
        table.texts("c")
    with pytest.raises(DataError, match="column 'a' is empty in line 2"):
        table_of(b"a,b\n,1\n").texts("a")


def test_rows_keep_their_places():
    table = table_of(b"a,b\n1,x\n2,y\n3,z\n").take([2, 0])
    assert (table.numbers("a").tolist(), table.texts("b").tolist()) == ([3, 1], ["z", "x"])
    assert (table.place(0), len(table), table.source) == ("line 4", 2, "a.csv")


def test_a_missing_column_is_told_with_what_there_is():
    table = table_of(b"target,other\n1,2\n")
    with pytest.raises(
        DataError, match=r"a\.csv has no column 'traget'; did you mean 'target'\? There are: target"
    ):
        table.numbers("traget")
    with pytest.raises(DataError, match="has no column 'xyz'; there are: target, other"):
        table.require(["other", "xyz"])
    wide = table_of(",".join(f"c{k}" for k in range(30)).encode() + b"\n" + b",".join([b"1"] * 30))
    with pytest.raises(DataError, match="c19 and 10 more"):
        wide.texts("zzz")
