"""The module `os` as the writer of files sees it, with calls that fail."""

from __future__ import annotations

import os


class FaultyOS:
    """The module `os` as `atomic` sees it: lists the calls that can fail, fails those with these numbers."""

    CALLS = ("open", "write", "fsync", "close", "replace", "unlink", "listdir")

    def __init__(self, fails=(), error=None):
        self.calls, self.done, self.fails, self.error = [], [], fails, error

    def __getattr__(self, name):
        return (lambda *arguments: self.call(name, arguments)) if name in self.CALLS else getattr(os, name)

    def call(self, name, arguments):
        self.calls.append(name)
        failing = len(self.calls) in self.fails
        if not failing or name == "close":  # a close that fails has closed
            result = getattr(os, name)(*arguments)
        if failing:
            raise self.error
        self.done.append(name)
        return result
