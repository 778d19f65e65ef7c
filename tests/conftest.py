"""What all tests share: the seed of drawn cases, told at the end, and the Python whose start-up is tried."""

from __future__ import annotations

import random
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# Under continuous integration Hypothesis draws the same cases each time; busy machines keep no deadline.
settings.register_profile("drawn", settings.get_profile("default"), deadline=None)
settings.load_profile("drawn")

collect_ignore = ["slow/fuzz_files.py"]  # a program: it takes over the process that imports it

sys.path.append(str(Path(__file__).parent / "native"))  # whose helpers the promises use, too


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--interpreter", default=sys.executable, help="the Python whose start-up is tried")
    parser.addoption("--full", action="store_true", help="the promises at full length: an hour and more")
    parser.addoption("--record", action="store_true", help="write what the promises' tests find into docs/")


@pytest.hookimpl(tryfirst=True)  # before Hypothesis reads its option
def pytest_configure(config: pytest.Config) -> None:
    if config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = str(random.SystemRandom().randrange(10_000))
    if config.option.record:
        from promises.ledger import Recorder

        config.pluginmanager.register(Recorder("full" if config.option.full else "quick"))
    # A shell without job control starts background jobs that ignore Ctrl-C, nohup such as ignore a hang-up,
    # and every process started from them does so, too: the tests of signals would test that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    terminalreporter.write_line(
        f"the same cases again: pytest --hypothesis-seed {config.option.hypothesis_seed}"
    )


@pytest.fixture(scope="session")
def interpreter(request: pytest.FixtureRequest) -> Path:
    """The Python in whose environment `elman` is installed."""
    return Path(request.config.option.interpreter)


@pytest.fixture(scope="session")
def seed(request: pytest.FixtureRequest) -> int:
    """The same seed, for tests that draw their cases themselves."""
    return int(request.config.option.hypothesis_seed)
