"""A second core for the weight gradients: they are added up while the loop over time still goes back.

Bits are the same with and without: the parts, and the order in which they are added, follow from the sizes
alone. See docs/decisions/0007-overlap.md.
"""

from __future__ import annotations

from _thread import start_new_thread
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from queue import SimpleQueue
from threading import Lock

from .cores import affinity
from .threads import shares_blas

PART = 16  # steps
WORTH_A_WORKER = 1 << 27  # operations in the product over all steps: GRU, 128 units, 32 sequences, 43 steps

Work = Callable[[slice], None]


def parts(steps: int, batch: int, hidden_size: int, gates: int) -> list[slice]:
    """Cut the steps into parts, from the last to the first; one part where a worker would not pay.

    >>> parts(40, 64, 128, gates=3)
    [slice(24, 40, None), slice(8, 24, None), slice(0, 8, None)]
    >>> parts(40, 1, 128, gates=3)
    [slice(0, 40, None)]
    """
    product = 2 * steps * batch * hidden_size * hidden_size * gates
    if product < WORTH_A_WORKER or shares_blas(batch, hidden_size, gates):
        return [slice(0, steps)]
    return [slice(max(stop - PART, 0), stop) for stop in range(steps, 0, -PART)]


@contextmanager
def beside(work: Work, *, worth: bool) -> Iterator[Work]:
    """Yield what has `work` done, in the order of the calls: by a thread if one is worth it, else at once.

    On leaving all is done, the rest of it by the caller, who waits for no thread that has not begun; the
    thread has nothing left but to end. What `work` raised is raised here.
    """
    if not worth or affinity() < 2:
        yield work
        return
    waiting: deque[slice] = deque()
    calls: SimpleQueue[bool] = SimpleQueue()
    failures: list[BaseException] = []
    one_by_one = Lock()

    def work_off() -> None:
        with one_by_one:
            if waiting and not failures:
                try:
                    work(waiting.popleft())
                except BaseException as error:  # the caller raises it
                    failures.append(error)

    def serve() -> None:
        while calls.get():
            work_off()

    def hand_over(part: slice) -> None:
        waiting.append(part)
        calls.put(True)

    try:
        _start(serve)
        yield hand_over
        while waiting and not failures:
            work_off()
    finally:
        waiting.clear()
        calls.put(False)
        with one_by_one:  # what has begun comes to its end
            pass
    if failures:
        raise failures[0]


def _start(serve: Callable[[], None]) -> None:
    """Start a thread in a copy of the context, so that np.errstate counts there, too.

    `threading.Thread` would wait until it runs: a tenth of a millisecond, many of them on a busy machine.
    """
    try:
        start_new_thread(copy_context().run, (serve,))
    except RuntimeError:  # the system has no thread to give: the caller does all in the end
        return
