"""R27: Ctrl-C, SIGTERM, a closed terminal and a reader that has gone lose nothing."""

from __future__ import annotations

import os
import pty
import random
import signal
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest

from cli_cases import BROKEN, Done, elman, finished, litter, process
from elman import load
from elman.cli.signals import stoppable
from elman.cli.texts import Texts
from run_cases import EVERY, OPTIONS, PATIENCE, Folder, marked, signalled, whole

STEPS = 40
RUN = (*OPTIONS, "--steps", str(STEPS))
PLACES = {  # what is called when, how often before the signal at most, and how long it takes
    "imports": ("elman.cli:_open_streams", 1, 0.3),
    "first batch": ("elman.cli.run:Run._introduce", 1, 0.01),
    "step": ("elman.cli.run:Run._follow", STEPS, 0.002),
    "save": ("elman.persistence:save", STEPS // EVERY, 0.01),
    "evaluation": ("elman.cli.texts:Texts.loss", STEPS // 5, 0.002),
    "end": ("elman.cli.texts:Texts.result", 1, 0.01),
}


class Blow(NamedTuple):
    """Signals: in which part of a run, from which of its calls on, after how many seconds, and which."""

    part: str
    call: int
    delays: list[float]
    number: int


def drawn(generator: random.Random, k: int, *, twice: bool) -> Blow:
    part = list(PLACES)[k % len(PLACES)]
    _, calls, seconds = PLACES[part]
    delays = [generator.uniform(0.0005, seconds)] + [generator.uniform(0, 0.01)] * twice
    number = generator.choice([signal.SIGINT, signal.SIGTERM])
    return Blow(part, generator.randint(1, calls), delays, number)


def struck(folder: Folder, blow: Blow) -> tuple[Done, float]:
    """Begin the run and send the signals."""
    done, took = signalled(marked(PLACES[blow.part][0], blow.call, folder.begin()), blow.delays, blow.number)
    assert BROKEN not in done.err, (blow, done.err)
    assert done.code in (0, 128 + blow.number, -blow.number), (blow, done)  # shells call the last two one
    return done, took


def finished_in_time(folder: Folder) -> bool:
    """Whether the run was done before the signal."""
    return folder.logged() == STEPS and not folder.checkpoint.exists()


def nothing_lost(folder: Folder, blow: Blow, done: Done) -> None:
    """What is there is whole; the checkpoint is of the last whole step, unless a second signal came."""
    for file in folder.path.glob("*.safetensors"):
        assert load(file).network.spec.hidden_size == 8
    if finished_in_time(folder):
        return
    assert done.code != 0, (blow, done)
    if len(blow.delays) > 1:
        return
    assert folder.saved() == folder.logged(), (blow, done)
    told = f"elman train --resume {folder.checkpoint}" in done.err
    assert told == (done.code > 0 and folder.saved() > 0), (blow, done)


def test_a_signal_at_any_moment_loses_nothing(tmp_path, seed, full, kept):
    uninterrupted = whole(tmp_path / "whole", RUN)
    generator = random.Random(seed)
    count = 100 if full else 20
    blows = [drawn(generator, k, twice=k % 5 == 4) for k in range(count)]
    folders = [Folder(tmp_path / str(k), RUN) for k in range(count)]
    with ThreadPoolExecutor(2) as two:
        ends = list(two.map(struck, folders, blows))
    codes, other = Counter(), 0
    for folder, blow, (done, _) in zip(folders, blows, ends, strict=True):
        nothing_lost(folder, blow, done)
        if not finished_in_time(folder):
            assert elman(*folder.go_on()).code == 0, blow
        other += not folder.ended_as(uninterrupted)
        codes[128 + blow.number if done.code else 0] += 1
    slowest = sorted(took for _, took in ends)
    assert slowest[-1 - count // 10] < 2, slowest  # a machine with other work may pause a few
    said = ", ".join(f"{n} × exit {code}" for code, n in sorted(codes.items()))
    kept(
        "R27",
        f"{count} signals, {count // 5} of them twice: {said}; {other} runs that ended with other bytes",
    )
    kept("R27", f"a run ends {slowest[len(slowest) // 2]:.2f} s after a signal (median)")
    assert other == 0
    assert codes[130] + codes[143] >= count * 3 // 4


def test_a_second_signal_ends_a_run_at_once(tmp_path):
    program = (
        "import signal, time\n"
        "from elman.cli import display, main\n"
        "def show(self, progress):\n"
        "    print('a step', flush=True)\n"
        "    while signal.getsignal(signal.SIGINT) is not signal.SIG_DFL: time.sleep(0.01)\n"
        "    print('noted', flush=True)\n"
        "    time.sleep(600)\n"
        "display.PlainLines.show = show\n"
        "main()\n"
    )
    running = process(*Folder(tmp_path, RUN).begin(), program=("-c", program))
    for expected in (b"a step\n", b"noted\n"):
        assert running.stdout.readline() == expected
        running.send_signal(signal.SIGINT)
    done = finished(running)
    assert done.code == -signal.SIGINT
    assert BROKEN not in done.err


def test_the_last_step_is_saved_before_the_last_evaluation(tmp_path, monkeypatch):
    """It may take minutes; a signal ends it at once, and what follows the last checkpoint would be lost."""
    folder = Folder(tmp_path, (*RUN, "--checkpoint-every", "1000"))
    monkeypatch.setattr(Texts, "result", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        elman(*folder.begin())
    assert folder.saved() == folder.logged() == STEPS


def test_what_the_shell_ignores_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stoppable() as stop:
            signal.raise_signal(signal.SIGHUP)
            assert stop.signal is None
            signal.raise_signal(signal.SIGTERM)
            assert (stop.signal, stop.exit_code) == (signal.SIGTERM, 143)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


# ------------------------------------------------------------------------------- pipes and terminals


def goes_on_to_the_same_bytes(folder: Folder, uninterrupted: Folder) -> None:
    assert 0 < folder.saved() == folder.logged()
    assert elman(*folder.go_on()).code == 0
    assert folder.ended_as(uninterrupted)


def test_a_run_whose_reader_goes_away_is_saved(tmp_path):
    folder = Folder(tmp_path / "cut", (*RUN, "--steps", "150"))
    with process(*folder.begin(), before="2>&1") as running:
        assert any(line.startswith(b"step ") for line in running.stdout)  # reads on until there is one
        running.stdout.close()
        assert running.wait(PATIENCE) == 141
    goes_on_to_the_same_bytes(folder, whole(tmp_path / "whole", folder.options))


def test_a_run_whose_results_nobody_reads_leaves_its_model(tmp_path):
    folder = Folder(tmp_path / "cut", RUN)
    with process(*folder.begin()) as running:
        running.stdout.close()
        assert running.wait(PATIENCE) == 0
        assert BROKEN.encode() not in running.stderr.read()
    assert folder.ended_as(whole(tmp_path / "whole", RUN))


@pytest.mark.parametrize("command", ["sample", "score"])
def test_a_reader_that_takes_one_line_is_no_error(tmp_path, command):
    folder = whole(tmp_path, RUN)
    files = [folder.model, tmp_path / "text.txt"][: 1 + (command == "score")]
    more = ("--length", "100000") if command == "sample" else ()
    done = finished(process(command, *files, *more, before="| head -n 1; echo ${PIPESTATUS[0]} >&2"))
    assert (done.code, done.err, done.out.count("\n")) == (0, "0\n", 1)


LOGIN = "import os, sys; os.login_tty(0); from elman.cli import main; main()"


def on_a_terminal(folder: Folder) -> tuple[subprocess.Popen[bytes], int]:
    """Start the run on a terminal that it belongs to, as a shell's window has it; return our end, too."""
    ours, its = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80"}
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), its)
    running = process(
        *folder.begin(), program=("-c", LOGIN), env=environment, start_new_session=True, **streams
    )
    os.close(its)
    return running, ours


def until_a_step(terminal: int, seen: bytes = b"") -> None:
    while b"epoch " not in seen:
        seen += os.read(terminal, 4096)


def test_a_run_whose_terminal_is_closed_is_saved(tmp_path):
    folder = Folder(tmp_path / "cut", (*RUN, "--steps", "4000"))
    running, terminal = on_a_terminal(folder)
    until_a_step(terminal)
    os.close(terminal)
    assert running.wait(PATIENCE) == 128 + signal.SIGHUP
    assert 0 < folder.saved() == folder.logged() < 4000
    assert litter(folder.path) == []
