"""One network as the text of a .c and a .h: the pieces it needs, its numbers, and the calls of one step."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from elman.cells import find
from elman.data import Vocabulary
from elman.network import Network

from . import arrays, heads
from .arithmetic import HEAD, PIECES
from .cells import CELLS


@dataclass
class Step:
    """The calls of a step, as they are written; int8 and layer normalization put calls between."""

    whole: bool  # are weights whole numbers?
    lines: list[str] = field(default_factory=list)

    def sums(
        self, to: str, count: int, terms: list[str], matrix: str, *, bias: str = "", gain: str = ""
    ) -> None:
        """Write to = M x (+ bias), with a gain normalized before the bias is added."""
        early = bias and not gain and not self.whole
        self.lines.append(f"copy({bias}, {count}, {to});" if early else f"clear({count}, {to});")
        self.lines += [term.format(to=to, count=count) for term in terms]
        if self.whole and bias and not gain:
            self.lines.append(f"rescale_add({matrix}_scale, {bias}, {count}, {to});")
        elif self.whole:
            self.lines.append(f"rescale({matrix}_scale, {count}, {to});")
        if gain:
            self.lines.append(f"normalize({gain}, {count}, {to});")
            self.lines += [f"add({bias}, {count}, {to});"] if bias else []

    def function(self, head: str) -> str:
        """Return the calls as a function."""
        body = "".join(f"    {line}\n" for line in self.lines)
        return f"{head}\n{{\n{body}}}\n"


@dataclass(frozen=True)
class Source:
    """What both files are made of."""

    network: Network
    vocabulary: Vocabulary | None
    name: str
    weights: str

    @property
    def symbols(self) -> bool:
        """Does a step read a symbol, and no vector alone?"""
        spec = self.network.spec
        return bool(self.vocabulary or spec.embedding_size or spec.feature_size)

    @property
    def gates(self) -> int:
        """How many gates the cell has."""
        spec = self.network.spec
        return len(find(spec.cell, spec.activation).gates)

    def arguments(self) -> str:
        """Return what a step reads, as C declares it."""
        beside = ", const float *features" if self.network.spec.feature_size else ""
        return f"int symbol{beside}" if self.symbols else "const float *x"

    def body(self) -> str:
        """Return the functions of the .c after its arrays: resetting, steps, outputs."""
        spec = self.network.spec
        parts = [self._cell(), self._reset(), self._advance(), *self._steps()]
        if spec.head == "softmax":
            parts += [heads.SOFTMAX, heads.SAMPLE]
        if spec.head == "sigmoid":
            parts += [heads.SIGMOID]
        if self.vocabulary:
            parts += [heads.SPELLING]
        return self.named(with_pieces("\n".join(parts)))

    def named(self, text: str) -> str:
        """Put names and sizes into a text."""
        spec = self.network.spec
        unknown = self.vocabulary.unknown if self.vocabulary else None
        predicted = self.vocabulary is not None and self.vocabulary.size == spec.y_size > 1
        words = {
            "NAME": self.name,
            "OUTPUTS": str(spec.y_size),
            "SYMBOLS": str(spec.input_size),
            "FIRST": "0" if unknown is None or not predicted else "1",
            "WITHOUT": "" if unknown is None or not predicted else ", never the unknown symbol 0",
            "KNOWN": "0" if unknown is None else "1",
            "UNKNOWN": "-1" if unknown is None else "0",
            "OTHERWISE": "-1" if unknown is None else "0, the unknown symbol,",
            "KIND": self.vocabulary.kind if self.vocabulary else "",
            "WEIGHT": "int8_t" if self.weights == "int8" else "float",
        }
        text = re.sub(r"VALUE\(([^()]*)\)", r"(float)\1" if self.weights == "int8" else r"\1", text)
        return re.sub(r"\b(NAME(?=_)|[A-Z]+\b)", lambda m: words.get(m[0], m[0]), text)

    def _cell(self) -> str:
        spec = self.network.spec
        text = CELLS[spec.cell, spec.activation]
        if not spec.zoneout:
            return text
        held = rf"\1[i] = FUSED({arrays.number(spec.zoneout)}, \1[i] - \g<1>1, \g<1>1); /* zoneout */"
        return re.sub(r"(\w)\[i\] = \w1;", held, text)

    def _states(self) -> list[tuple[str, str, int]]:
        """Return (place, state, units) in the order of the state."""
        spec = self.network.spec
        names = find(spec.cell, spec.activation).states
        return [(f"{k}", n, width) for k, width in enumerate(spec.widths) for n in names]

    def members(self) -> list[tuple[str, int, str]]:
        """Return (name, numbers, meaning) of the members of the state that are floats."""
        spec = self.network.spec
        made = [(f"{n}{k}", width, f"{n} of layer {k}") for k, n, width in self._states()]
        if spec.embedding_size:
            made.append(("x", spec.embedding_size, "scratch: the vector of the symbol"))
        widest = self.gates * max(spec.widths)
        made.append(("a", widest, "scratch: what the cell is told by its input"))
        made.append(("u", widest, "scratch: and by its own past"))
        return made

    def _reset(self) -> str:
        step, views = Step(whole=False), self.network.parameters.views
        for k, n, width in self._states():
            start, to = f"layers.{k}.{n}0", f"state->{n}{k}"
            known = start in views
            step.lines.append(
                f"copy({arrays.c_name(start)}, {width}, {to});" if known else f"clear({width}, {to});"
            )
        text = step.function("void NAME_reset(NAME_state *state)")
        seeded = self.network.spec.head == "softmax"
        step.lines = ["NAME_reset(state);", *(["state->random = seed;"] if seeded else [])]
        head = f"void NAME_init(NAME_state *state{', uint32_t seed' if seeded else ''})"
        return f"{text}\n{step.function(head)}"

    def _steps(self) -> list[str]:
        """Return the function of a step, and that of a step that reads a symbol where x may be one, too."""
        spec, terms, before = self.network.spec, list[str](), list[str]()
        column = f"add_column(layers_0_U + symbol * {self.gates * spec.widths[0]}, {{count}}, {{to}});"
        if spec.embedding_size:
            scale = "embedding_E_scale[symbol], " if self.weights == "int8" else ""
            call = "look_up_scaled" if scale else "look_up"
            sizes = f"symbol, {spec.input_size}, {spec.embedding_size}"
            before = [f"{call}(embedding_E, {scale}{sizes}, state->x);"]
            terms = [f"add_product(layers_0_U, state->x, {spec.embedding_size}, {{count}}, {{to}});"]
        elif self.symbols:
            terms = [column]
        else:
            terms = [f"add_product(layers_0_U, x, {spec.input_size}, {{count}}, {{to}});"]
        if spec.feature_size:
            at = f"layers_0_U + {(spec.reads - spec.feature_size) * self.gates * spec.widths[0]}"
            terms.append(f"add_product({at}, features, {spec.feature_size}, {{count}}, {{to}});")
        made = [self._begun(f"NAME_step(NAME_state *state, {self.arguments()}, float *y)", before, terms)]
        if not self.symbols:
            of_symbol = "NAME_step_symbol(NAME_state *state, int symbol, float *y)"
            made.append(self._begun(of_symbol, [], [column]))
        return made

    def _begun(self, head: str, before: list[str], terms: list[str]) -> str:
        step = Step(self.weights == "int8", list(before))
        self._input_sums(step, 0, terms)
        step.lines.append("advance(state, y);")
        return step.function(f"void {head}")

    def _input_sums(self, step: Step, k: int, terms: list[str]) -> None:
        place, gain = f"layers_{k}", f"layers_{k}_gU" if self.network.spec.layer_norm else ""
        count = self.gates * self.network.spec.widths[k]
        step.sums("state->a", count, terms, f"{place}_U", bias=f"{place}_b", gain=gain)

    def _advance(self) -> str:
        """Return the function that goes on when `a` of the first layer is there."""
        spec, step = self.network.spec, Step(self.weights == "int8")
        for k, width in enumerate(spec.widths):
            step.lines.append(f"/* layer {k}: {width} units */")
            if k:
                below = spec.widths[k - 1]
                term = f"add_product(layers_{k}_U, state->h{k - 1}, {below}, {{count}}, {{to}});"
                self._input_sums(step, k, [term])
            place, gain = f"layers_{k}", f"layers_{k}_gW" if spec.layer_norm else ""
            bias = f"{place}_d" if f"layers.{k}.d" in self.network.parameters.views else ""
            term = f"add_product({place}_W, state->h{k}, {width}, {{count}}, {{to}});"
            step.sums("state->u", self.gates * width, [term], f"{place}_W", bias=bias, gain=gain)
            states = ", ".join(f"state->{n}{k}" for n in find(spec.cell, spec.activation).states)
            step.lines.append(f"cell(state->a, state->u, {width}, {states});")
        matrix, last = "embedding_E" if spec.tied else "head_V", len(spec.widths) - 1
        term = f"add_product({matrix}, state->h{last}, {spec.widths[-1]}, {{count}}, {{to}});"
        step.lines.append("/* the outputs */")
        step.sums("y", spec.y_size, [term], matrix, bias="head_c")
        return step.function("static void advance(NAME_state *state, float *y)")


def with_pieces(body: str) -> str:
    """Return the functions that a text calls, and those that these call, in front of it."""
    for name, text in reversed(PIECES.items()):
        if re.search(rf"\b{name}(\(| \w+[,;])", body):
            body = f"{text}\n{body}"
    more = "#include <math.h>\n\n" if "sqrt(" in body else ""
    return f"{more}{HEAD}\n{body}"
