"""ONNX: a network out as a graph of the standard operators, and in from one.

    from_onnx, to_onnx          a model of the package onnx; from_onnx also reads files
    export, read, check         what `elman export` and `elman import` call

The graph is described in `writing`; docs/lands/onnx.md has complete examples.
"""

from __future__ import annotations

from .exporting import export, to_onnx
from .importing import check, from_onnx, read

__all__ = ["check", "export", "from_onnx", "read", "to_onnx"]
