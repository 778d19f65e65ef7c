"""PyTorch both ways, live: 60 networks a direction in every run, 300 with --full."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch_cases import FAULTS, drawn_network, plain_gru, same, uneven

import elman
from elman import Network
from elman.errors import FormatError, NumericError, OptionError
from elman.interop import torch as land
from elman.interop.checking import BOUNDS, compare, difference, random_input, random_state
from elman.interop.torch.weights import weights

PAGE = Path(__file__).parents[2] / "docs/lands/torch.md"


@pytest.fixture(scope="module")
def torch() -> Any:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    torch.set_num_threads(1)
    return torch


@pytest.fixture
def count(request: pytest.FixtureRequest) -> int:
    return 300 if request.config.getoption("--full") else 60


def test_export_gives_the_same_numbers(torch, count):
    """Whole runs and single steps from random states, state too; with lengths, packed."""
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    for seed in range(count):
        network = drawn_network(seed)
        spec, draw = network.spec, np.random.default_rng(seed)
        embedding, rnn, head = land.to_torch(network, cells=uneven(network))
        parts = {"embedding": embedding, "rnn": rnn, "head": head}
        parts = torch.nn.ModuleDict({name: part for name, part in parts.items() if part is not None})
        compare(network, land.live.runner(parts, spec), f"network {seed}")
        if uneven(network):
            continue
        rows, steps = int(draw.integers(1, 6)), int(draw.integers(1, 20))
        x, state = random_input(network, draw, steps, rows), random_state(network, draw, rows)
        lengths = draw.integers(1, steps, rows, endpoint=True)
        read = land.live._read(torch, parts, spec, x)
        packed = pack_padded_sequence(read, torch.tensor(lengths), enforce_sorted=False)
        with torch.no_grad():
            h, hx = rnn(packed, land.state_to_torch(network, state))
            h = pad_packed_sequence(h)[0]
            hidden = (hx[0] if isinstance(hx, tuple) else hx)[-spec.directions :]
            theirs = head(torch.cat(list(hidden), -1) if spec.readout == "last" else h).numpy()
        y, after = network.run(x, state, lengths)
        if spec.readout == "every":
            inside = np.arange(len(theirs))[:, None] < lengths
            y, theirs = y[: len(theirs)][inside], theirs[inside]
        found = difference((y, after), (theirs, land.state_from_torch(hx)))
        assert found <= BOUNDS[spec.dtype], (seed, found)


def drawn_modules(torch: Any, seed: int) -> tuple[Any, Any, Any]:
    """Modules as users have them: (recurrent, head, embedding), any options, both biases random or none."""
    nn, draw = torch.nn, np.random.default_rng(seed)
    torch.manual_seed(seed)
    reads, hidden, symbols, outputs = (int(n) for n in draw.choice(np.arange(2, 9), 4, replace=False))
    name, bias = ["RNN", "RNN", "GRU", "LSTM"][seed % 4], bool(draw.integers(4))
    options = {"nonlinearity": ["tanh", "relu"][seed % 4]} if name == "RNN" else {}
    if draw.integers(3) == 0:
        make = getattr(nn, name + "Cell")
        recurrent = make(reads, hidden, bias=bias, **options)
        if draw.integers(2):
            recurrent = [recurrent, make(hidden, hidden + 1, bias=bias, **options)]
        width = recurrent[-1].hidden_size if isinstance(recurrent, list) else hidden
    else:
        layers, both = int(draw.integers(1, 4)), bool(draw.integers(2))
        options |= {"dropout": 0.5} if layers > 1 else {}
        recurrent = getattr(nn, name)(
            reads,
            hidden,
            layers,
            bias=bias,
            batch_first=bool(draw.integers(2)),
            bidirectional=both,
            **options,
        )
        width = (1 + both) * hidden
    head = nn.Linear(width, outputs, bias=bool(draw.integers(2))) if draw.integers(4) else None
    embedding = nn.Embedding(symbols, reads) if draw.integers(2) else None
    double = bool(draw.integers(2))
    for module in (*(recurrent if isinstance(recurrent, list) else [recurrent]), head, embedding):
        if module is not None:
            module.eval().to(torch.float64 if double else torch.float32)
    return recurrent, head, embedding


def answer_of(torch: Any, modules: tuple[Any, Any, Any], x: np.ndarray, state: elman.State) -> Any:
    """What such modules answer, asked as their users ask, time first in and out."""
    recurrent, head, embedding = modules
    read = torch.from_numpy(x)
    read = embedding(read) if embedding is not None else read
    if not hasattr(recurrent, "num_layers"):
        stack, outputs = recurrent if isinstance(recurrent, list) else [recurrent], []
        states = [tuple(torch.from_numpy(s) for s in place) for place in state]
        for h in read:
            for k, cell in enumerate(stack):
                after = cell(h, states[k] if len(states[k]) == 2 else states[k][0])
                states[k] = after if isinstance(after, tuple) else (after,)
                h = states[k][0]
            outputs.append(h)
        h, after = torch.stack(outputs), tuple(tuple(s.numpy() for s in place) for place in states)
    else:
        start = tuple(torch.from_numpy(np.stack(s)) for s in zip(*state, strict=True))
        turn = recurrent.batch_first
        h, hx = recurrent(read.transpose(0, 1) if turn else read, start if len(start) > 1 else start[0])
        h, after = h.transpose(0, 1) if turn else h, land.state_from_torch(hx)
    return (head(h) if head is not None else h).numpy(), after


def test_import_gives_the_same_numbers(torch, count):
    for seed in range(count):
        modules = drawn_modules(torch, seed)
        network, draw = land.from_torch(*modules), np.random.default_rng(seed)
        rows, steps = int(draw.integers(1, 6)), int(draw.integers(1, 12))
        state = random_state(network, draw, rows)
        x = random_input(network, draw, steps, rows)
        if network.spec.embedding_size is None:
            x = draw.normal(size=(steps, rows, network.spec.input_size)).astype(network.spec.dtype)
        with torch.no_grad():
            theirs = answer_of(torch, modules, x, state)
        found = difference(network.run(x, state), theirs)
        assert found <= BOUNDS[network.spec.dtype], (seed, found)
        if network.spec.bidirectional:
            continue
        for t in range(steps):
            y, state = network.step(x[t], state)
            found = difference(theirs[0][t], y)
            assert found <= BOUNDS[network.spec.dtype], (seed, t, found)
        assert difference(theirs[1], state) <= BOUNDS[network.spec.dtype], seed


def test_modules_out_and_in_again_are_byte_equal(torch, count):
    for seed in range(count):
        network = drawn_network(seed)
        embedding, rnn, head = land.to_torch(network, cells=uneven(network))
        facts = {"readout": network.spec.readout, "loss": network.spec.head}
        read = land.from_torch(rnn, head, embedding, **facts)
        if uneven(network):  # cells have no dropout between them
            read = Network.from_spec(network.spec, read.parameters.flat)
        assert same(network, read), seed


@pytest.mark.parametrize("fault", FAULTS)
def test_comparison_sees_a_planted_fault(torch, fault):
    plant, _ = FAULTS[fault]
    for cell in ("gru", "lstm"):
        sizes = {"input_size": 3, "hidden_size": 4, "output_size": 2, "dtype": "float64"}
        network = Network(cell, **sizes, bidirectional=True, initialization="uniform")
        tensors = weights(network)
        compare(network, land.live.runner(land.live.build(network.spec, tensors), network.spec), "right")
        wrong = land.live.runner(land.live.build(network.spec, plant(tensors)), network.spec)
        if fault == "biases" and cell == "lstm":
            compare(network, wrong, "the biases of an LSTM are added: nothing changes")
            continue
        with pytest.raises(NumericError, match="not the same network"):
            compare(network, wrong, fault)


def test_comparison_sees_a_reset_gate_that_comes_before(torch):
    network = Network(
        "gru", input_size=3, hidden_size=4, output_size=2, dtype="float64", initialization="uniform"
    )
    tensors = weights(network)

    def run(x: np.ndarray, state: elman.State, *, before: bool) -> Any:
        y = plain_gru(tensors, np.eye(3)[x], state[0][0], before=before)
        return y, network.run(x, state)[1]

    compare(network, lambda x, state: run(x, state, before=False), "after")
    with pytest.raises(NumericError):
        compare(network, lambda x, state: run(x, state, before=True), "before")


def test_export_that_would_be_wrong_is_not_written(torch, tmp_path, monkeypatch):
    swapped = land.weights.LETTERS | {"bias_ih": "d", "bias_hh": "b"}
    monkeypatch.setattr(land.weights, "LETTERS", swapped)
    network = Network("gru", input_size=3, hidden_size=4, output_size=2, initialization="uniform")
    with pytest.raises(NumericError, match="not the same network"):
        land.export(elman.Model(network), tmp_path / "x.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_file_loads_into_the_module_that_is_shown(torch, tmp_path):
    from safetensors.torch import load_file

    path = tmp_path / "x.safetensors"
    for seed in range(8):
        network = drawn_network(seed)
        checked = land.export(elman.Model(network), path)
        assert 0 <= checked.largest <= checked.bound == BOUNDS[network.spec.dtype]
        shown = next(line for line in checked.lines if line.startswith("modules")).split(maxsplit=1)[1]
        parts = eval(shown, {"nn": torch.nn}).eval()
        parts.load_state_dict(load_file(path))
        compare(network, land.live.runner(parts, network.spec), shown)
        read, vocabulary = land.read(path)
        assert same(network, read)
        assert vocabulary is None
        assert land.check(read, path).largest == checked.largest


def test_vocabulary_travels_along(torch, tmp_path):
    corpus = elman.data.corpus_from_text("to be or not to be ü\n")
    size = corpus.vocabulary.size
    network = Network(input_size=size, hidden_size=4, output_size=size)
    land.export(elman.Model(network, corpus.vocabulary), tmp_path / "x.safetensors")
    read, vocabulary = land.read(tmp_path / "x.safetensors")
    assert vocabulary == corpus.vocabulary
    assert same(read, network)
    with pytest.raises(OptionError, match="the file says itself what it holds; leave out readout"):
        land.read(tmp_path / "x.safetensors", readout="last")


def test_archive_is_read_with_weights_only(torch, tmp_path):
    model = torch.nn.ModuleDict({"lstm": torch.nn.LSTM(3, 4), "fc": torch.nn.Linear(4, 2)})
    torch.save(model.state_dict(), tmp_path / "x.pt")
    network, vocabulary = land.read(tmp_path / "x.pt", parts={"head": "fc"})
    assert vocabulary is None
    assert same(network, land.from_torch(model["lstm"], model["fc"]))
    assert land.check(network, tmp_path / "x.pt", parts={"head": "fc"}).largest <= 2e-6


class Trap:
    """What a pickle can do that is not read with weights_only."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_hostile_archive_does_no_harm(torch, tmp_path):
    path, sprung = tmp_path / "x.pt", tmp_path / "sprung"
    torch.save({"rnn.weight_ih_l0": Trap(sprung)}, path)
    with pytest.raises(FormatError, match=r"torch\.load"):
        land.read(path)
    assert not sprung.exists()
    torch.save({"epoch": 3, "state_dict": {}}, path)
    with pytest.raises(
        FormatError, match=r"not a state dict: it holds epoch, state_dict; save model.state_dict\(\)"
    ):
        land.read(path)
    torch.save({"rnn.weight_hh_l0": torch.ones(1, 1).expand(1 << 20, 1 << 20)}, path)
    with pytest.raises(FormatError, match="claim more bytes than the file has"):
        land.read(path)
    torch.save({"rnn.weight_hh_l0": torch.ones(3, 1).half()}, path)
    with pytest.raises(
        FormatError, match=r"is float16; expected float32 or float64: convert with \.float\(\)"
    ):
        land.read(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", b"\0" * 10_000_000)
    with pytest.raises(FormatError, match="entries are larger than it"):
        land.read(path)
    path.write_bytes(b"PK\x03\x04" + b"x" * 100)
    with pytest.raises(FormatError, match=r"torch\.load"):
        land.read(path)


def test_modules_that_compute_something_else_are_refused(torch):
    nn = torch.nn

    class Own(nn.LSTM):
        pass

    hooked = nn.GRU(3, 4)
    hooked.register_forward_hook(lambda *_: None)
    wrong = [
        ((nn.LSTM(3, 4, proj_size=2),), "recurrent has proj_size 2"),
        ((Own(3, 4),), "recurrent is Own; expected nn.RNN"),
        ((hooked,), "recurrent has forward hooks"),
        ((nn.GRU(3, 4), nn.Sequential(nn.Linear(4, 2))), "head is Sequential; expected nn.Linear"),
        ((nn.GRU(3, 4), None, nn.Embedding(5, 3, max_norm=1.0)), "embedding has max_norm 1.0"),
        (([nn.GRUCell(3, 4), nn.LSTMCell(4, 4)],), "cells of several kinds"),
        (([],), "cells of several kinds, or of none"),
        (([nn.RNNCell(3, 4), nn.RNNCell(4, 4, nonlinearity="relu")],), "tanh of some and relu of others"),
    ]
    for modules, words in wrong:
        with pytest.raises(OptionError, match=words):
            land.from_torch(*modules)
    with pytest.raises(FormatError, match=r"head.weight is float32 \(2, 5\); expected float32 \(2, 4\)"):
        land.from_torch(nn.GRU(3, 4), nn.Linear(5, 2))
    with pytest.raises(FormatError, match="float16"):
        land.from_torch(nn.GRU(3, 4).half())


def test_building_draws_nothing_from_the_generator_of_pytorch(torch):
    network = Network("lstm", input_size=3, hidden_size=4, output_size=2)
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    modules = land.to_torch(network)
    assert torch.rand(1) == expected
    assert all(not p.is_meta and p.requires_grad for m in modules[1:] for p in m.parameters())


def test_examples_of_the_page_run(torch, tmp_path, monkeypatch):
    from test_readme import run_page

    pytest.importorskip("safetensors")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # threads that wait for each other on busy cores take seconds
    monkeypatch.chdir(tmp_path)
    run_page(PAGE.read_text("utf-8"), PAGE.name)
