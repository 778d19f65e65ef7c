"""JavaScript out: a network as one ES module, and a page of HTML that runs it, for whatever has a browser.

The module needs nothing: weights are in it, as base64. Numbers are kept in the network's own type and summed
in float64, so that its answers are those of elman to rounding, often closer to the exact ones.
"""

from __future__ import annotations

from .exporting import export
from .pages import page
from .writing import to_js

__all__ = ["export", "page", "to_js"]
