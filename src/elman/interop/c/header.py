"""The .h of an exported network: what its functions read and write, and what the state holds."""

from __future__ import annotations

from .heads import DECLARED
from .size import Size
from .source import Source

Y = {
    "softmax": "y: the logits of the OUTPUTS symbols that may come next",
    "sigmoid": "y: the logits of OUTPUTS labels",
    "squared": "y: OUTPUTS values",
    "absolute": "y: OUTPUTS values",
    "huber": "y: OUTPUTS values",
    "gaussian": "y: the means of HALF values, then for each s, its deviation is exp(4 asinh(s / 8))",
    "quantile": "y: OUTPUTS quantiles, those of one value side by side",
}
FRAME = """\
/* NAME: a recurrent network exported by elman. CELL
 *
LINES
 *
 * Each stream of input has a state of its own. Nothing is allocated, nothing global changes: functions may be
 * called from several threads, each with its own state. int has at least 32 bits.
 */
#ifndef GUARD_H
#define GUARD_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { NUMBERS };

typedef struct {
MEMBERS
} NAME_state;

FUNCTIONS
#ifdef __cplusplus
}
#endif

#endif
"""


def header(source: Source, size: Size) -> str:
    """Return the text of the .h."""
    spec = source.network.spec
    widths = ", ".join(map(str, spec.widths))
    words = {
        "CELL": f"{spec.cell} ({spec.activation}), layers of {widths}; weights: {source.weights}.",
        "LINES": "\n".join(f" * {line}" for line in size.lines()),
        "GUARD": source.name.upper(),
        "NUMBERS": f"{source.name}_inputs = {spec.input_size}, {source.name}_outputs = {spec.y_size}",
        "MEMBERS": "\n".join(_members(source)),
        "FUNCTIONS": source.named("\n".join(_functions(source)).replace("HALF", str(spec.y_size // 2))),
    }
    text = FRAME
    for word, meaning in words.items():
        text = text.replace(word, meaning)
    return source.named(text)


def _members(source: Source) -> list[str]:
    made = [f"    float {name}[{count}]; /* {meaning} */" for name, count, meaning in source.members()]
    if source.network.spec.head == "softmax":
        made.append("    uint32_t random; /* NAME_chance counts on from here */")
    return made


def _functions(source: Source) -> list[str]:
    spec = source.network.spec
    seed = ", uint32_t seed" if spec.head == "softmax" else ""
    seeded = "; seed: of the random numbers" if seed else ""
    states = "h and s become" if spec.cell == "lstm" else "h becomes"
    begin = "what it has learned to begin with" if spec.learn_initial_state else "zeros"
    made = [
        f"/* A new state{seeded}. */\nvoid NAME_init(NAME_state *state{seed});\n",
        f"/* Begin a new sequence: {states} {begin}. */\nvoid NAME_reset(NAME_state *state);\n",
        f"/* One step. {_reads(source)}\n   {Y[spec.head]}. */\n"
        f"void NAME_step(NAME_state *state, {source.arguments()}, float *y);\n",
    ]
    if not source.symbols:
        made.append(
            f"/* The same for a symbol, 0 .. {spec.input_size - 1}: x with 1 at its place, and else 0. */\n"
            "void NAME_step_symbol(NAME_state *state, int symbol, float *y);\n"
        )
    made += [DECLARED[spec.head]] if spec.head in DECLARED else []
    return made + ([DECLARED["spelling"]] if source.vocabulary else [])


def _reads(source: Source) -> str:
    spec = source.network.spec
    if not source.symbols:
        return f"x: {spec.input_size} numbers;"
    beside = f"; features: {spec.feature_size} numbers" if spec.feature_size else ""
    return f"symbol: 0 .. {spec.input_size - 1}{beside};"
