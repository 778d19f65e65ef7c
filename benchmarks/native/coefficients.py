"""Derive the constants of native/math.hpp: what it prints is native/coefficients.hpp. Needs mpmath.

    python benchmarks/native/coefficients.py > native/coefficients.hpp
    python benchmarks/native/coefficients.py --check        # fails unless the file holds these very lines

Each polynomial has nearly the least largest relative error (Remez's exchange, 160 bits). Its coefficients are
rounded one after another, from the lowest up, and the others are fitted anew to what the rounded ones leave.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from mpmath import atanh, cos, coth, exp, fabs, log, lu_solve, matrix, mp, mpf, pi, polyval, sqrt, tanh

HEADER = Path(__file__).parents[2] / "native" / "coefficients.hpp"
GRID = 600
ROUNDS = 8
Function = Callable[[mpf], mpf]

mp.prec = 160


class Type(NamedTuple):
    """A type of the processor, and how many coefficients each polynomial needs for it."""

    name: str
    significand: int  # bits
    bias: int  # of the exponent
    high: int  # bits of the first part of log 2, so that its products with exponents are exact
    exponential: int  # and so on: coefficients
    hyperbolic: int
    logarithm: int


FLOAT = Type("float", 24, 127, 16, 7, 4, 3)
DOUBLE = Type("double", 53, 1023, 42, 12, 10, 7)

# Chosen by trying: which scale and which boundary give tanh and sigmoid the smallest error over all floats.
SCALE = "1.3305"
NEAR = "0.56"


def fit(target: Function, weight: Function, terms: int, interval: tuple[mpf, mpf], bits: int) -> list[mpf]:
    """Coefficients c of `bits` bits with nearly the least max |weight (target - Σ c_i x^i)|."""
    a, b = interval
    x = [(a + b - (b - a) * cos(pi * (i + 0.5) / GRID)) / 2 for i in range(GRID)]
    y, w = [target(p) for p in x], [weight(p) for p in x]
    c = []
    for left in range(terms, 0, -1):
        c.append(rounded(minimax(x, y, w, left)[0], bits))
        y = [(q - c[-1]) / p for p, q in zip(x, y, strict=True)]
        w = [p * q for p, q in zip(x, w, strict=True)]
    return c


def minimax(x: list[mpf], y: list[mpf], w: list[mpf], terms: int) -> list[mpf]:
    """The coefficients c with the least max |w (y - Σ c_i x^i)| on the grid x that the exchange finds.

    It may run in a circle: between neighbors of the grid, or where a rounded coefficient decides the error.
    """
    at = [GRID * (2 * i + 1) // (2 * terms + 2) for i in range(terms + 1)]
    best, least = [], mpf("inf")
    for _ in range(ROUNDS):
        system, right = matrix(terms + 1, terms + 1), matrix(terms + 1, 1)
        for i, k in enumerate(at):
            for j in range(terms):
                system[i, j] = w[k] * x[k] ** j
            system[i, terms] = (-1) ** i
            right[i] = w[k] * y[k]
        c = list(lu_solve(system, right))[:terms]
        errors = [q * (v - polyval(c[::-1], p)) for p, v, q in zip(x, y, w, strict=True)]
        largest = max(map(fabs, errors))
        if largest < least:
            best, least = c, largest
        at = peaks(errors, terms + 1)
    return best


def peaks(errors: list[mpf], count: int) -> list[int]:
    """Where each run of one sign errs most: `count` of them, without the smaller ends."""
    runs: list[int] = []
    for i, e in enumerate(errors):
        if not runs or (e > 0) != (errors[runs[-1]] > 0):
            runs.append(i)
        elif fabs(e) > fabs(errors[runs[-1]]):
            runs[-1] = i
    while len(runs) > count:
        runs.pop(0 if fabs(errors[runs[0]]) < fabs(errors[runs[-1]]) else -1)
    if len(runs) < count:
        raise ArithmeticError(f"the error changes its sign {len(runs) - 1} times, not {count - 1}")
    return runs


def rounded(x: mpf, bits: int) -> mpf:
    with mp.workprec(bits):
        return +x


def row(name: str, values: list[mpf], kind: Type) -> str:
    """One constant or array in C++: hexadecimal, so that nothing is rounded twice."""
    digits = [hexadecimal(rounded(v, kind.significand)) + "f" * (kind is FLOAT) for v in values]
    start = f"    static constexpr {kind.name} {name}"
    if len(values) == 1:
        return f"{start} = {digits[0]};"
    lines = [", ".join(digits[i : i + 4]) for i in range(0, len(digits), 4)]
    return f"{start}[] = {{\n        " + ",\n        ".join(lines) + "};"


def hexadecimal(x: mpf) -> str:
    sign, man, exponent, bits = x._mpf_
    if not man:
        return "0x0p+0"
    shift = -(bits - 1) % 4
    digits = f"{int(man) << shift:x}"
    point = "." if len(digits) > 1 else ""
    return f"{'-' * sign}0x1{point}{digits[1:]}p{int(exponent) + bits - 1:+d}"


def exponential(scale: mpf, fixed: int, interval: tuple[mpf, mpf], kind: Type) -> list[mpf]:
    """`scale` e^r; the first coefficients are `scale`, so that e^0 = 1 (and e^r = 1 + r, if two are)."""

    def rest(r: mpf) -> mpf:
        return scale * (exp(r) - (1 if fixed == 1 else 1 + r)) / r**fixed

    terms = kind.exponential - fixed
    weight = lambda r: r**fixed / (scale * exp(r))  # noqa: E731
    return [scale] * fixed + fit(rest, weight, terms, interval, kind.significand)


def hyperbolic(interval: tuple[mpf, mpf], kind: Type) -> list[mpf]:
    """v coth v = 1 + u h(u), u = v²."""

    def rest(u: mpf) -> mpf:
        return (sqrt(u) * coth(sqrt(u)) - 1) / u

    weight = lambda u: sqrt(u) * tanh(sqrt(u))  # noqa: E731
    return [mpf(1), *fit(rest, weight, kind.hyperbolic - 1, interval, kind.significand)]


def logarithm(interval: tuple[mpf, mpf], kind: Type) -> list[mpf]:
    """log((1 + s)/(1 − s)) = 2s + s z p(z), z = s²."""

    def rest(z: mpf) -> mpf:
        return 2 * (atanh(sqrt(z)) / sqrt(z) - 1) / z

    weight = lambda z: z * sqrt(z) / (2 * atanh(sqrt(z)))  # noqa: E731
    return fit(rest, weight, kind.logarithm, interval, kind.significand)


def constants(kind: Type) -> str:
    """The struct of one type."""
    ln2, wider, tiny, scale = log(2), mpf("1.0002"), mpf(2) ** -60, rounded(mpf(SCALE), kind.significand)
    high = rounded(ln2, kind.high)
    small = ((sqrt(2) - 1) / (sqrt(2) + 1)) ** 2
    single = {
        "log2_e": 1 / ln2,
        "ln2_high": high,
        "ln2_low": ln2 - high,
        "half_ln2": ln2 / 2,
        "bias": mpf(kind.bias),
        "shifter": 3 * mpf(2) ** (kind.significand - 2) + kind.bias,
        "exp_zero": -(kind.bias - mpf("0.6")) * ln2,
        "sigmoid_one": (kind.bias - mpf("0.1")) * ln2,
        "tanh_one": (kind.significand + 3) * ln2 / 2,
        "tanh_near": mpf(NEAR),
    }
    several = {
        "exponential": exponential(mpf(1), 1, (tiny, ln2 * wider), kind),
        "scaled": exponential(scale, 2, (-ln2 / 2 * wider, ln2 / 2 * wider), kind),
        "hyperbolic": hyperbolic((tiny, mpf(NEAR) ** 2), kind),
        "logarithm": logarithm((tiny, small * wider), kind),
    }
    rows = [row(name, [value], kind) for name, value in single.items()]
    rows += [row(name, values, kind) for name, values in several.items()]
    return f"template <> struct Coefficients<{kind.name}> {{\n" + "\n".join(rows) + "\n};\n"


HEAD = """\
// The constants of math.hpp, from the lowest coefficient up: the output of benchmarks/native/coefficients.py.
#pragma once

namespace elman::ELMAN_ISA {

template <class T> struct Coefficients;

"""

if __name__ == "__main__":
    text = HEAD + "\n".join(map(constants, (FLOAT, DOUBLE))) + "\n}  // namespace elman::ELMAN_ISA\n"
    if "--check" not in sys.argv:
        sys.stdout.write(text)
    elif HEADER.read_text() != text:
        sys.exit(f"{HEADER} is not what this program derives")
