"""What a page carries for its script: what is told of each step; units, as many and as fine as fit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from elman.inspection.surprise import Surprisal
from elman.numerics import Array

from .measuring import Measured
from .packing import ROOM, Block, Buffer, fitted, smallest

GATES_SHARE = 0.2  # of the room
LEAST_STEPS = 200  # for which gates are worth showing
COARSE = 2.7  # bits that a gate takes, about, in the few levels that gates get
PER_MILLE = 1000


def steps_data(measured: Measured) -> tuple[dict[str, Any], Buffer]:
    """Return what the script must know of the steps, and the numbers: symbols, costs, what was expected."""
    buffer, passage = Buffer(), measured.passage
    facts: dict[str, Any] = {"steps": len(passage), "text": bool(passage.shown), "next": passage.next}
    local = {symbol: k for k, symbol in enumerate(measured.names)}
    facts["names"] = list(measured.names.values())
    told: dict[str, Array] = {}
    if passage.x.ndim == 1:
        told["x"] = _localized(passage.x, local)
    if measured.paid is not None:
        told |= _expected(measured.paid, local if passage.next else {}, told_cost=passage.next)
    order = sorted(told, key=lambda name: -told[name].itemsize)  # so that each lies where it may
    facts["arrays"] = {name: buffer.add(told[name]) for name in order}
    follows = measured.follows
    if follows.signals:
        facts["signals"] = follows.signals
        facts["follows"] = {name: np.rint(100 * r).astype(int).T.tolist() for name, r in follows.r.items()}
    return facts, buffer


def units_data(measured: Measured) -> tuple[dict[str, Any], Buffer]:
    """Return what the script must know of units and gates, and their quantized values."""
    ranges, states = measured.parts[0].ranges, measured.states()
    gates = measured.parts[0].gates
    series = {name: (values, ranges[name]) for name, values in states.items()}
    if measured.passage.x.ndim == 2:
        names = measured.passage.names
        series |= {"inputs": (measured.passage.x, (-math.inf, math.inf))}
    else:
        names = ()
    room = ROOM * (1 - GATES_SHARE * bool(gates))
    blocks = fitted(series, room)
    left = ROOM - sum(block.size for block in blocks)
    blocks += _gates(measured, left)
    buffer = Buffer()
    facts = {
        "inputs": names,
        "blocks": [block.facts(buffer.add(block.codes)["start"]) for block in blocks],
        "total": {name: values.shape[1] for name, values in states.items()},
        "gates": len(gates),
    }
    return facts, buffer


def carried_words(facts: dict[str, Any]) -> str:
    """Say how fine the numbers of a page are, and what there was no room for.

    >>> block = {"name": "layers.0.h", "units": [3, 7], "count": 2, "steps": 90, "levels": 15}
    >>> carried_words({"blocks": [block], "total": {"layers.0.h": 4}, "steps": 90, "gates": 3})
    'States are carried in 15 levels (3.9 bits); 2 of 4 units, those that move most; no gates: no room.'
    """
    states = [block for block in facts["blocks"] if block["name"] in facts["total"]]
    gates = [block for block in facts["blocks"] if block["name"] not in (*facts["total"], "inputs")]
    if not states:
        return "Over so many steps there is no room for states; --length takes fewer."
    levels = states[0]["levels"]
    words = f"States are carried in {levels} levels ({math.log2(levels):.1f} bits)"
    kept, total = sum(block["count"] for block in states), sum(facts["total"].values())
    if kept < total:
        words += f"; {kept:,} of {total:,} units, those that move most"
    if gates:
        words += f"; gates in {gates[0]['levels']} levels"
        words += f", of the first {gates[0]['steps']:,} steps" * (gates[0]["steps"] < facts["steps"])
    elif facts["gates"]:
        words += "; no gates: no room"
    return f"{words}."


def _gates(measured: Measured, room: float) -> list[Block]:
    """Return the gates of the first steps, as many steps as fit; none where that is hardly any."""
    gates, ranges = measured.parts[0].gates, measured.parts[0].ranges
    width = sum(values.shape[1] for values in gates.values())
    if not width:
        return []
    steps = min(len(measured.passage), int(8 * room / (COARSE * width)))
    if steps < min(LEAST_STEPS, len(measured.passage)):
        return []
    series = {name: (values, ranges[name]) for name, values in measured.gates(steps).items()}
    blocks = fitted(series, room)
    whole = sum(len(block.codes) for block in blocks) == width
    return blocks if whole else []


def _expected(paid: Surprisal, local: dict[int, int], *, told_cost: bool) -> dict[str, Array]:
    """Return what was expected after each step, and what each step cost before it came."""
    ids = _localized(paid.top_symbols, local) if local else smallest(paid.top_symbols)
    told = {
        "top": ids.reshape(-1),
        "chances": np.rint(PER_MILLE * paid.top_probabilities).astype(np.uint16).reshape(-1),
    }
    if told_cost:
        bits = np.concatenate([[0], paid.bits[:-1]])
        told["cost"] = np.rint(np.minimum(100 * bits, 65_000)).astype(np.uint16)
        told["rank"] = smallest(np.concatenate([[0], paid.rank[:-1] + 1]))
        told["entropy"] = np.rint(100 / math.log(2) * paid.entropy).astype(np.uint16)
    return told


def _localized(symbols: Array, local: dict[int, int]) -> Array:
    known = np.array(list(local))
    return smallest(np.searchsorted(known, symbols))
