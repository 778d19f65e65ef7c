"""Every float32 through the compiled engine's exp, sigmoid, tanh and log: python tests/slow/ulp.py

Compiles native/tests and runs it on each instruction set that this machine has: the lanes of simd.hpp, all
2³² floats and 2²⁵ random doubles against exact values, every 61st float with denormals on (10 minutes of one
core). Then each of FAULTS is planted in a copy of native/, which must be refused (6 minutes); `--plant` does
that alone. The compiler is $CXX, else c++.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

NATIVE = Path(__file__).parents[2] / "native"
COMPILER = os.environ.get("CXX", "c++")
FLAGS = ["-O3", "-std=c++17", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-pthread"]
STRICT = ["-Wall", "-Wextra", "-Werror"]
X86 = {  # what the compiler is told to use, and the processor must have
    "baseline": [],
    "avx2": ["avx2", "fma"],
    "avx512": ["avx512f", "avx512vl", "avx512dq", "avx512bw", "fma"],
}
SETS: dict[str, list[str]] = X86 if platform.machine() in ("x86_64", "AMD64") else {"neon": []}

# file, what is written there, the fault in its place
FAULTS = [
    ("coefficients.hpp", "0x1.5755d2p-5f", "0x1.5756d2p-5f"),  # float32, exp: digits of a coefficient
    ("coefficients.hpp", "0x1.c623c2p-3f", "0x1.c624c2p-3f"),  # float32, sigmoid
    ("coefficients.hpp", "-0x1.6bbc38p-6f", "-0x1.6bc438p-6f"),  # float32, tanh
    ("coefficients.hpp", "0x1.55557ap-1f", "0x1.55587ap-1f"),  # float32, log
    ("coefficients.hpp", "0x1.5555555086732p-5,", "0x1.5555555186732p-5,"),  # float64, exp
    ("coefficients.hpp", "-0x1.6c16c16c169dcp-6", "-0x1.6c16c16c269dcp-6"),  # float64, tanh
    ("coefficients.hpp", "ln2_low = 0x1.7f7d1cp-20f", "ln2_low = 0x1.7ffd1cp-20f"),
    ("coefficients.hpp", "tanh_near = 0x1.1eb852p-1f", "tanh_near = 0x1p-1f"),  # a boundary shifted
    ("coefficients.hpp", "exp_zero = -0x1.5e7488p+6f", "exp_zero = -0x1.5dp+6f"),
    ("math.hpp", "max(V::all(K::exp_zero), x)", "max(x, V::all(K::exp_zero))"),  # NaN is lost
    ("math.hpp", "bit_and(x, sign)", "select(less(x, V::zero()), sign, V::zero())"),  # so is -0
    (
        "math.hpp",
        "min(V::all(K::shifter + K::bias), fma(limited, V::all(K::log2_e), before) + shifter)",
        "fma(min(V::all(T(88.8)), limited), V::all(K::log2_e), before) + shifter",
    ),  # the last floats are lost
    ("math.hpp", "V::all(1) - quotient", "V::all(1) - quotient * V::all(T(0.9999998))"),
    ("simd/avx512.hpp", "return _mm512_fnmadd_ps(a, b, c)", "return c - a * b"),  # one set rounds twice
    ("simd/lanewise.hpp", "return a < b ? a : b", "return b < a ? b : a"),  # another one where one is NaN
    ("simd/lanewise.hpp", "if (j < n) p[j] = a[j]", "if (j <= n) p[j] = a[j]"),
    ("simd.hpp", "return sum(a.low + a.high)", "return sum(a.low) + sum(a.high)"),
    ("denormals.hpp", "set_mode(before); }", "set_mode(before | flush); }"),
]


SAMPLE = ["--step", "211", "--random", "200000"]  # enough to find each of them


def build(native: Path, place: Path) -> list[Path]:
    """The programs of native/tests: lanes, for each set this machine has, then the sweep."""
    tests, objects, programs = native / "tests", [], []
    for name, features in SETS.items():
        chosen = [f"-m{feature}" for feature in features]
        chosen += [f"-DELMAN_ISA={name}", f"-DELMAN_TARGET_{name.upper()}=1"]
        objects.append(place / f"{name}.o")
        compile_one([*chosen, "-c", tests / "math_apply.cpp", "-o", objects[-1]])
        if runs(name):
            programs.append(place / f"lanes_{name}")
            compile_one([*chosen, tests / "math_lanes.cpp", "-o", programs[-1]])
    programs.append(place / "math_all")
    compile_one([tests / "math_all.cpp", *objects, "-o", programs[-1]])
    return programs


def compile_one(arguments: list[str | Path]) -> None:
    subprocess.run([COMPILER, *FLAGS, *STRICT, *arguments], check=True)


def runs(name: str) -> bool:
    """Whether this processor has what the set needs."""
    return not SETS[name] or set(SETS[name]) <= set(Path("/proc/cpuinfo").read_text().split())


def passes(programs: list[Path], *sweep: str, show: bool = True) -> bool:
    """Whether every program ends with 0."""
    good = True
    for program in programs:
        options = sweep if program.name == "math_all" else ()
        done = subprocess.run([program, *options], stdout=None if show else subprocess.PIPE, check=False)
        good = good and done.returncode == 0
    return good


def undetected(place: Path) -> int:
    """How many of the faults the programs let pass."""
    missed = 0
    for number, (file, right, wrong) in enumerate(FAULTS):
        if file == "simd/avx512.hpp" and not ("avx512" in SETS and runs("avx512")):
            print(f"no AVX-512 here to find  {file}: {wrong}")
            continue
        copy = place / f"fault{number}"
        shutil.copytree(NATIVE, copy / "native")
        path = copy / "native" / file
        text = path.read_text()
        if text.count(right) != 1:
            sys.exit(f"{file} holds {right!r} {text.count(right)} times: the fault cannot be planted")
        path.write_text(text.replace(right, wrong))
        found = not passes(build(copy / "native", copy), *SAMPLE, show=False)
        print(f"{'found ' if found else 'MISSED'}  {file}: {wrong}", flush=True)
        missed += not found
    return missed


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--plant", action="store_true", help="only the planted faults")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        if not chosen.plant:
            programs = build(NATIVE, place)
            if not passes(programs, "--random", str(2**25)):
                sys.exit("the bounds of native/math.hpp are not kept")
            if not passes(programs[-1:], "--step", "61", "--random", str(2**20), "--gradual"):
                sys.exit("with denormals on the bounds of native/math.hpp are not kept")
        elif not passes(build(NATIVE, place), *SAMPLE, show=False):
            sys.exit("native/ itself is refused: run this without --plant")
        if missed := undetected(place):
            sys.exit(f"{missed} planted faults were not found")


if __name__ == "__main__":
    main()
