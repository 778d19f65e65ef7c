"""Look inside a network: measures as plain arrays, and pictures made from them.

trace, traces                   states, gates and outputs at every step
surprisal, calibration          what each symbol cost, and whether chances keep their word
saturation, dead_units          which units and gates lie at the ends of their range, and which never move
correlations, probe             what each unit follows, and what can be read from all of them together
gradient_by_lag                 how far the gradient reaches back
saliency, gradient_times_input  which inputs a loss depends on
spectrum, spectral_radius       the eigenvalues of the recurrent weights
lyapunov_exponents              whether states that differ a little come together or part
effective_memory                how far back a changed input still changes the output
principal_directions            the directions in which the state moves most
extract_automaton, agreement    the finite automaton that a network behaves like
report                          all of it on one page
plots                           the same on axes of matplotlib

Names are loaded when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from elman.lazily import lazily

# These at once: loaded later, the module would lie over the function of its name.
from .traces import Trace, trace, traces

if TYPE_CHECKING:
    from .attribution import gradient_times_input, saliency
    from .automata import agreement, extract_automaton
    from .automaton import Automaton
    from .dynamics import lyapunov_exponents, spectral_radius, spectrum
    from .following import Probe, correlations, probe, symbol_signals
    from .geometry import Principal, principal_directions
    from .gradients import GradientByLag, gradient_by_lag
    from .memory import EffectiveMemory, effective_memory
    from .reporting import report
    from .surprise import Calibration, Surprisal, calibration, surprisal
    from .units import Saturation, dead_units, saturation

_HOME = {
    "attribution": ["gradient_times_input", "saliency"],
    "automata": ["agreement", "extract_automaton"],
    "automaton": ["Automaton"],
    "dynamics": ["lyapunov_exponents", "spectral_radius", "spectrum"],
    "following": ["Probe", "correlations", "probe", "symbol_signals"],
    "geometry": ["Principal", "principal_directions"],
    "gradients": ["GradientByLag", "gradient_by_lag"],
    "memory": ["EffectiveMemory", "effective_memory"],
    "reporting": ["report"],
    "surprise": ["Calibration", "Surprisal", "calibration", "surprisal"],
    "units": ["Saturation", "dead_units", "saturation"],
}
_ROOMS = ("plots",)  # needs an extra: not in __all__

__all__ = [
    "Automaton",
    "Calibration",
    "EffectiveMemory",
    "GradientByLag",
    "Principal",
    "Probe",
    "Saturation",
    "Surprisal",
    "Trace",
    "agreement",
    "calibration",
    "correlations",
    "dead_units",
    "effective_memory",
    "extract_automaton",
    "gradient_by_lag",
    "gradient_times_input",
    "lyapunov_exponents",
    "principal_directions",
    "probe",
    "report",
    "saliency",
    "saturation",
    "spectral_radius",
    "spectrum",
    "surprisal",
    "symbol_signals",
    "trace",
    "traces",
]


__getattr__ = lazily(__name__, _HOME, _ROOMS)


def __dir__() -> list[str]:
    return [*__all__, *_ROOMS]
