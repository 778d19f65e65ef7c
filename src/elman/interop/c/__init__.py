"""C out: a network as one .c and one .h in C99, for whatever has a compiler.

The files need nothing but `math.h`, and that only for `fmaf` and `sqrt` where the processor has them; nothing
is allocated, no global changes, weights are constants. On processors with fused multiply-add the outputs have
the bits of elman's compiled engine, elsewhere they differ by rounding.
"""

from __future__ import annotations

from .exporting import export
from .size import Size
from .writing import to_c

__all__ = ["Size", "export", "to_c"]
