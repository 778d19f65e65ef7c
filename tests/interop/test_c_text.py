"""The exported files as compilers and people see them: warnings, sizes, spelling, drawing, refusals."""

from __future__ import annotations

import ctypes
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from elman import Network
from elman.data import Vocabulary
from elman.errors import DataError, NumericError, OptionError
from elman.interop.c import export, to_c
from elman.interop.c.arrays import number, spelled
from elman.interop.c.running import compiled
from elman.interop.checking import difference
from elman.persistence import Model
from interop.c_cases import CHARACTERS, STRICT, compiler, needs, needs_compiler, some_of_each, write

COMPILERS = {
    "gcc": ["gcc", "-std=c99"],
    "gcc, no optimization": ["gcc", "-std=c99", "-O0"],
    "clang": ["clang", "-std=c99"],
    "gcc, C++": ["g++", "-x", "c++", "-std=c++11"],
    "clang, C++": ["clang++", "-x", "c++", "-std=c++17"],
    "Cortex-M": ["arm-none-eabi-gcc", "-std=c99", "-mcpu=cortex-m4", "-mthumb"],
}
EACH = [pytest.param(network, vocabulary, id=name) for name, network, vocabulary in some_of_each()]


@pytest.mark.parametrize(
    "command", [pytest.param(c, marks=needs(c[0]), id=name) for name, c in COMPILERS.items()]
)
def test_no_compiler_warns(tmp_path, request, command):
    for weights in ("float32", "int8"):
        for name, network, vocabulary in some_of_each():
            write(tmp_path, network, f"{name}_{weights}", weights=weights, vocabulary=vocabulary)
    sources = map(str, sorted(tmp_path.glob("*.c")))
    whole = request.config.getoption("--full") or command == COMPILERS["gcc"]
    work = ["-O2" if "-O0" not in command else "-O0", "-c"] if whole else ["-fsyntax-only"]
    done = subprocess.run(
        [*command, *STRICT, *work, *sources],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@needs("gcc")
def test_fast_math_is_refused(tmp_path):
    write(tmp_path, Network(input_size=3, hidden_size=4, output_size=2))
    command = ["gcc", "-std=c99", "-ffast-math", "-c", "model.c"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "compile without -ffast-math" in done.stderr


@pytest.mark.parametrize(
    "tools", [pytest.param("", id="host"), pytest.param("arm-none-eabi-", id="Cortex-M")]
)
@pytest.mark.parametrize("weights", ["float32", "int8"])
@pytest.mark.parametrize(("network", "vocabulary"), EACH)
def test_the_size_report_is_what_the_tools_say(tmp_path, tools, weights, network, vocabulary):
    needed = needs(f"{tools}gcc", f"{tools}size")
    if needed.args[0]:
        pytest.skip(needed.kwargs["reason"])
    size = write(tmp_path, network, weights=weights, vocabulary=vocabulary)
    (tmp_path / "state.c").write_text('#include "model.h"\nchar state[sizeof(model_state)];\n', "utf-8")

    def said(*command: str) -> str:
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    thumb = ["-mcpu=cortex-m4", "-mthumb"] if tools else []  # with -O a small array may go into the code
    said(f"{tools}gcc", "-std=c99", *thumb, "-O0", "-fno-common", "-c", "model.c", "state.c")
    symbols = [line.split() for line in said(f"{tools}nm", "-S", "model.o").splitlines()]
    constants = sum(int(line[1], 16) for line in symbols if len(line) == 4 and line[2] == "r")
    state = [line.split() for line in said(f"{tools}nm", "-S", "state.o").splitlines()]
    sections = said(f"{tools}size", "model.o").splitlines()[1].split()
    assert constants == size.constants
    assert [int(line[1], 16) for line in state if line[-1] == "state"] == [size.ram]
    _, data, bss = map(int, sections[:3])
    assert (data, bss) == (0, 0), "nothing global changes"
    said(f"{tools}gcc", "-std=c99", *thumb, "-Os", "-c", "model.c")
    text = int(said(f"{tools}size", "model.o").splitlines()[1].split()[0])
    assert 0 < text - size.constants < 4_000, "the code"


def test_multiply_adds_are_the_entries_of_the_matrices():
    _, _, size = to_c(Network("gru", input_size=5, hidden_size=(7, 3), output_size=2), name="model")
    assert size.multiply_adds == 21 * (5 + 7) + 9 * (7 + 3) + 2 * 3
    _, _, size = to_c(Network("lstm", input_size=8, hidden_size=7, output_size=8), CHARACTERS, name="model")
    assert size.multiply_adds == 28 * 7 + 8 * 7, "a symbol costs no product"


def test_every_bit_of_a_number_is_written(seed):
    random = np.random.default_rng(seed)
    bits = random.integers(0, 1 << 32, 5000, np.uint32).view(np.float32)
    for value in [*bits[np.isfinite(bits)], np.float32(1e-45), np.float32(-0.0), np.float32(3.4028235e38)]:
        text = number(value)
        assert re.fullmatch(r"-?\d[\d.]*(e[+-]\d+)?f", text)
        assert np.float32(text[:-1]).tobytes() == np.float32(value).tobytes()


# ---------------------------------------------------------------------------------- symbols and probabilities


@pytest.fixture
def talking(tmp_path):
    network = Network("gru", input_size=8, hidden_size=5, output_size=8, seed=3)
    network.parameters.flat[:] *= 3
    size = write(tmp_path, network, vocabulary=CHARACTERS)
    library = compiled(tmp_path, ["model"])
    library.model_symbol.restype = ctypes.c_void_p
    library.model_chance.restype = ctypes.c_float
    library.model_sample.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_float]
    return network, library, size


@needs_compiler
def test_symbols_are_spelled_and_found(talking):
    _, library, _ = talking
    length = ctypes.c_int()
    for symbol, text in enumerate(spelled(CHARACTERS)):
        at = library.model_symbol(symbol, ctypes.byref(length))
        assert ctypes.string_at(at, length.value + 1) == text + b"\0"
        assert library.model_find(text, len(text)) == symbol
    assert library.model_find(b"b", 1) == library.model_find(b"", 0) == 0


@needs_compiler
def test_bytes_are_spelled_and_found_and_none_is_unknown(tmp_path):
    write(
        tmp_path, Network(input_size=256, hidden_size=2, output_size=256), vocabulary=Vocabulary("bytes", ())
    )
    library = compiled(tmp_path, ["model"])
    assert [library.model_find(bytes([k]), 1) for k in range(256)] == list(range(256))
    assert library.model_find(b"ab", 2) == -1


@needs_compiler
def test_softmax_is_that_of_the_stream(talking):
    network, library, _ = talking
    stream, p = network.stream(), np.zeros(8, np.float32)
    stream.step(2)
    y = np.ascontiguousarray(stream.logits)
    library.model_softmax(_at(y), _at(p))
    assert difference(p, stream.step.__self__ and network_shows(y)) <= 2e-7
    for extreme in (np.full(8, 3e38), np.arange(8) * 1e30, np.zeros(8)):
        library.model_softmax(_at(extreme.astype(np.float32)), _at(p))
        assert abs(p.sum() - 1) < 1e-6


def network_shows(y):
    e = np.exp(y.astype(np.float64) - y.max())
    return e / e.sum()


def chances(seed: int, count: int) -> list[float]:
    """The generator of the header, once more."""
    made, state, mask = list[float](), seed, 0xFFFFFFFF
    for _ in range(count):
        z = state = state + 0x9E3779B9 & mask
        z = (z ^ z >> 16) * 0x85EBCA6B & mask
        z = (z ^ z >> 13) * 0xC2B2AE35 & mask
        made.append(((z ^ z >> 16) >> 8) / 2**24)
    return made


@needs_compiler
def test_chances_are_those_of_the_definition(talking):
    _, library, size = talking
    state = ctypes.create_string_buffer(size.ram)
    for seed in (0, 1, 2**32 - 1):
        library.model_init(state, ctypes.c_uint32(seed))
        assert [library.model_chance(state) for _ in range(50)] == chances(seed, 50)
    assert abs(np.mean(chances(1, 100_000)) - 0.5) < 0.005
    counts = np.bincount((np.array(chances(7, 64_000)) * 64).astype(int), minlength=64)
    assert ((counts - 1000) ** 2 / 1000).sum() < 120, "chi-square of 63 degrees, p > 1e-5"


@needs_compiler
@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_symbols_are_drawn_by_their_probabilities_and_never_the_unknown(talking, temperature):
    _, library, size = talking
    y = np.array([9, 0.3, -1, 2, 0, 1, -30, 0.5], np.float32)  # symbol 0, the unknown, is the most probable
    state, count = ctypes.create_string_buffer(size.ram), 20_000
    library.model_init(state, ctypes.c_uint32(5))
    drawn = np.array([library.model_sample(state, _at(y), temperature) for _ in range(count)])
    wanted = network_shows(y[1:] / temperature) * count
    counts = np.bincount(drawn, minlength=8)
    assert counts[0] == 0
    likely = wanted > 5
    assert ((counts[1:] - wanted)[likely] ** 2 / wanted[likely]).sum() < 35, "6 degrees, p > 1e-5"


@needs_compiler
def test_no_temperature_takes_the_most_probable_symbol_that_is_known(talking):
    _, library, size = talking
    state = ctypes.create_string_buffer(size.ram)
    library.model_init(state, ctypes.c_uint32(5))
    y = np.array([9, 0, 1, 7, 7, 1, 0, 2], np.float32)
    assert library.model_sample(state, _at(y), 0.0) == 3
    assert {library.model_sample(state, _at(y), 1e-9) for _ in range(99)} == {3, 4}
    assert 1 <= library.model_sample(state, _at(np.full(8, np.nan, np.float32)), 1.0) < 8


def _at(array):
    return ctypes.c_void_p(np.ascontiguousarray(array).ctypes.data)


# -------------------------------------------------------------------------------------- export and refusals


def test_export_writes_two_files_that_hold_the_network(tmp_path):
    network = Network("lstm", input_size=8, hidden_size=6, output_size=8)
    checked = export(Model(network, CHARACTERS), tmp_path / "tiny.c")
    source, header, size = to_c(network, CHARACTERS, name="tiny")
    assert (tmp_path / "tiny.c").read_text("utf-8") == source
    assert (tmp_path / "tiny.h").read_text("utf-8") == header
    assert checked.largest <= checked.bound <= 2e-6
    assert checked.lines[:3] == tuple(size.lines())
    assert ("compiled here" in checked.what) == bool(compiler())


def test_without_a_compiler_the_numbers_are_read_back(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    model = Model(Network("gru", input_size=8, hidden_size=6, output_size=8), CHARACTERS)
    for weights in ("float32", "int8"):
        checked = export(model, tmp_path / "tiny.c", weights=weights)
        assert (checked.largest, checked.bound) == (0, 0)
        assert "no C compiler" in checked.what


def test_int8_says_what_it_costs(tmp_path):
    model = Model(Network("gru", input_size=8, hidden_size=6, output_size=8), CHARACTERS)
    (line,) = export(model, tmp_path / "tiny.c", weights="int8", text="a ä\n" * 50).lines[3:]
    assert re.fullmatch(r"int8 costs  [+-]0\.\d{5} nats a symbol on 200 symbols: \d\.\d+ where .*", line)
    (line,) = export(model, tmp_path / "tiny.c", weights="int8").lines[3:]
    assert re.fullmatch(r"int8 costs  up to 0\.\d+ of an output, on random input; .*", line)


def test_a_difference_stops_the_export(tmp_path, monkeypatch):
    monkeypatch.setattr("elman.interop.c.arrays.number", lambda value: "0.5f")
    model = Model(Network("gru", input_size=8, hidden_size=6, output_size=8, zoneout=0.1), CHARACTERS)
    if compiler() is None:
        pytest.skip("there is no C compiler here")
    with pytest.raises(NumericError, match="not the same network"):
        export(model, tmp_path / "tiny.c")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "given", "message"),
    [
        ({"bidirectional": True}, {}, "bidirectional reads the whole sequence"),
        ({"readout": "mean"}, {}, "readout 'mean' reads the whole sequence"),
        ({"dtype": "float64"}, {}, "dtype is 'float64'; the C computes in float32"),
        ({}, {"name": "two words"}, "name is 'two words'; C needs letters"),
        ({}, {"name": "4x"}, "name is '4x'; C needs letters"),
        ({}, {"weights": "int4"}, "weights is 'int4'; there are float32, int8"),
        ({}, {"vocabulary": CHARACTERS}, "the vocabulary has 8 symbols, the network reads 3"),
    ],
)
def test_what_c_cannot_hold_is_refused_by_name(options, given, message):
    network = Network("gru", input_size=3, hidden_size=4, output_size=3, **options)
    with pytest.raises(OptionError, match=message):
        to_c(network, **{"name": "model"} | given)


def test_bad_exports_leave_nothing(tmp_path):
    network = Network("gru", input_size=8, hidden_size=4, output_size=8)
    with pytest.raises(OptionError, match=r"give a path that ends in \.c"):
        export(Model(network), tmp_path / "model.h")
    with pytest.raises(OptionError, match="does not predict the symbols of a text"):
        export(Model(network), tmp_path / "model.c", weights="int8", text="abc")
    with pytest.raises(DataError, match="the text has 1 symbols; at least 2"):
        export(Model(network, CHARACTERS), tmp_path / "model.c", weights="int8", text="a")
    network.parameters["layers.0.W"][1, 2] = np.nan
    with pytest.raises(NumericError, match=r"layers\.0\.W holds numbers that are not finite"):
        export(Model(network), tmp_path / "model.c")
    assert list(tmp_path.iterdir()) == []


@needs_compiler
def test_the_program_of_the_docs_writes(tmp_path, monkeypatch):
    page = (Path(__file__).parents[2] / "docs/lands/c.md").read_text("utf-8")
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", page, re.M | re.S)
    monkeypatch.chdir(tmp_path)
    exec(next(text for language, text in blocks if language == "python"), {})
    (program,) = (text for language, text in blocks if language == "c")
    (tmp_path / "main.c").write_text(program, "utf-8")
    command = [compiler() or "", "-std=c99", *STRICT, "-O2", "main.c", "hamlet.c", "-o", "hamlet", "-lm"]
    subprocess.run(command, check=True)
    written = subprocess.run(["./hamlet"], capture_output=True, text=True, check=True).stdout
    assert len(written) == 60
    assert set(written.split()) & {"to", "be", "or", "not", "that", "is", "the"}
