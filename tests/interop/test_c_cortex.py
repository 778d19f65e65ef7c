"""The exported C on a Cortex-M4 with a floating-point unit and a Cortex-M3 without one, under an emulator.

Nothing but the C and a page of startup code: no operating system, no library but for the root of layer
normalization. Debian: gcc-arm-none-eabi, libnewlib-arm-none-eabi, qemu-system-arm. nox -s cortex runs all.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elman import Network
from elman.interop.checking import difference, random_state
from elman.portable import joined
from interop.c_cases import (
    allowed,
    land,
    needs,
    needs_compiler,
    only_symbols,
    random_input,
    random_network,
    write,
)
from interop.test_c import FUSED, same_arithmetic

pytestmark = [needs("arm-none-eabi-gcc", "qemu-system-arm"), needs_compiler]
PROGRAM = Path(__file__).with_name("cortex.c")
MEMORY = ["-Wl,--section-start=.vectors=0", "-Wl,-Ttext=0x400", "-Wl,-Tdata=0x20000000", "-Wl,-e,reset"]
STEPS = 6


@dataclass(frozen=True)
class Board:
    name: str
    flags: tuple[str, ...]
    fused: bool  # are product and sum rounded at once?


M4 = Board("mps2-an386", ("-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"), fused=True)
M3 = Board("mps2-an385", ("-mcpu=cortex-m3",), fused=False)


def run_on(board: Board, folder: Path, network: Network, x: Any, state: Any, weights: str) -> Any:
    """Build for a board, run there from this state: the outputs "T 1 Y", the numbers of the state after."""
    write(folder, network, weights=weights)
    (folder / "given.h").write_text(given(network, x, joined(state)[0]), "utf-8")
    build = ["arm-none-eabi-gcc", "-std=gnu99", "-mthumb", *board.flags, "-O2", "-ffp-contract=off", "-I."]
    build += ["-nostartfiles", "--specs=nosys.specs", *MEMORY, "-o", "board.elf"]
    build += [str(PROGRAM), "model.c", "-lm"]
    done = subprocess.run(build, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    emulator = ["qemu-system-arm", "-M", board.name, "-kernel", "board.elf", "-display", "none"]
    emulator += ["-monitor", "none", "-serial", "none", "-semihosting-config", "enable=on,target=native"]
    both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}  # the emulator prints on either
    said = subprocess.run(emulator, cwd=folder, **both, text=True, timeout=60, check=True).stdout
    numbers = np.array([int(line, 16) for line in said.split()], np.uint32).view(np.float32)
    y = numbers[: STEPS * network.spec.y_size].reshape(STEPS, 1, -1)
    return (y[-1] if network.spec.readout == "last" else y), numbers[y.size :]


def given(network: Network, x: Any, begin: np.ndarray) -> str:
    """The text of given.h: the input, the state to begin with, and how a step is called."""
    parts, arguments, lines = x if isinstance(x, tuple) else (x,), [], ['#include "model.h"']
    for number, part in enumerate(parts):
        vectors = part.ndim == 3
        of, width = ("float", part.shape[2]) if vectors else ("int", 1)
        texts = [f"{value!r}" + "f" * vectors for value in part.ravel().tolist()]
        lines.append(f"static const {of} x{number}[] = {{{', '.join(texts)}}};")
        arguments.append(f"x{number} + t * {width}" if vectors else f"x{number}[t]")
    step = "step" if only_symbols(network) or parts[0].ndim == 3 else "step_symbol"
    return "\n".join(
        [
            *lines,
            f"static const float begin[] = {{{', '.join(f'{value!r}f' for value in begin.tolist())}}};",
            f"#define STATES {len(begin)}",
            f"#define STEPS {STEPS}",
            f"#define INIT &state{', 1' * (network.spec.head == 'softmax')}",
            f"#define STEP model_step{step[4:]}(&state, {', '.join(arguments)}, y)",
            "",
        ]
    )


@pytest.mark.parametrize("board", [M4, M3], ids=lambda board: board.name)
@pytest.mark.parametrize("weights", ["float32", "int8"])
def test_a_board_computes_what_the_network_computes(tmp_path, request, seed, board, weights):
    random = np.random.default_rng(seed)
    for number in range(40 if request.config.getoption("--full") else 1):
        network = random_network(random, number + int(random.integers(4)))
        x, state = random_input(random, network, STEPS, 1), random_state(network, random, 1)
        folder = tmp_path / str(number)
        folder.mkdir()
        there = run_on(board, folder, network, x, state, weights)
        flags = ("-std=c99", "-ffp-contract=off", *(FUSED if board.fused else ["-mno-fma"] * bool(FUSED)))
        (exported,) = land(folder, [network], weights, *flags).exported
        y, after = exported.run(x, state)
        known = network.narrowed(weights)
        right, end = known.run(x, state)
        assert difference(there, (right, joined(end)[0])) <= allowed(known, x, state)
        if FUSED or not board.fused:
            assert difference(there, (y, joined(after)[0])) == 0, "the bits of the same C on this machine"


@same_arithmetic
def test_a_cortex_m4_has_the_bits_of_the_compiled_engine(tmp_path, seed):
    random = np.random.default_rng(seed)
    network = random_network(random, 3, layer_norm=False)
    x, state = random_input(random, network, STEPS, 1), random_state(network, random, 1)
    right, end = network.run(x, state)
    there = run_on(M4, tmp_path, network, x, state, "float32")
    assert difference(there, (right, joined(end)[0])) == 0
