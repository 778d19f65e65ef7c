"""The heads: from a hidden state to outputs, and from outputs and targets to a loss and its gradient."""

from . import affine, softmax

__all__ = ["affine", "softmax"]
