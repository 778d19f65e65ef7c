"""What writes goldens needs packages that the tests do without."""

from __future__ import annotations

collect_ignore_glob = ["make_*.py"]
