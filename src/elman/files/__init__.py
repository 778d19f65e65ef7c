"""Files that survive: written whole or not at all, read with no trust.  Knows nothing of networks.

atomic.py    atomic_write: aside, synced, renamed; check_writable: the same refusals, before the work
tensors.py   read_tensors, write_tensors: named arrays and strings in one file, every bit under a digest
"""

from elman.files.atomic import atomic_write, check_writable
from elman.files.tensors import read_tensors, write_tensors

__all__ = ["atomic_write", "check_writable", "read_tensors", "write_tensors"]
