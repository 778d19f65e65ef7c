"""What a stream cannot read, or is not there, is refused in one line, and the state is kept."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from elman.errors import OptionError, ResourceError, ShapeError
from streaming_cases import every_engine, small

BOX = np.zeros((1, 5))


@every_engine
@pytest.mark.parametrize(
    "x", [5, -1, 10**30, True, 0.5, None, "a", [0.5] * 4, [1, 2], (1, 2), BOX, 1j * BOX[0]]
)
def test_what_a_step_cannot_read_is_refused_and_the_state_kept(engine, x):
    stream = small(engine).stream()
    stream.step(1)
    before = stream.state
    with pytest.raises(ShapeError, match="x "):
        stream.step(x)
    assert stream.state == before


@every_engine
@pytest.mark.parametrize(
    ("options", "x"),
    [
        ({"embedding_size": 3}, np.zeros(5, np.float32)),
        ({"embedding_size": 3}, np.zeros(0, np.float32)),
        ({"feature_size": 2}, 1),
        ({"feature_size": 2}, (1, np.zeros(3, np.float32))),
        ({"feature_size": 2}, (7, np.zeros(2, np.float32))),
        ({"feature_size": 2}, (1, np.zeros(2, int))),
        ({"feature_size": 2}, (1, np.zeros(2, np.float32), 3)),
    ],
)
def test_what_a_network_does_not_read_is_refused(engine, options, x):
    with pytest.raises(ShapeError):
        small(engine, **options).stream().step(x)


@every_engine
@pytest.mark.parametrize(
    "options", [{"bidirectional": True}, {"readout": "mean"}, {"readout": "flatten", "steps": 3}]
)
def test_networks_that_read_the_whole_sequence_are_refused(engine, options):
    for make in (small(engine, **options).stream, small(engine, **options).streams):
        with pytest.raises(OptionError, match="reads the whole sequence"):
            make()


@every_engine
@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda s: s.step([1, 2]), ShapeError, "it goes to 3 rows"),
        (lambda s: s.step([1, 2, 9]), ShapeError, "symbol 9"),
        (lambda s: s.run([1, 2, 3]), ShapeError, "1 axis"),
        (lambda s: s.step([1], rows=[7]), OptionError, "no row 7"),
        (lambda s: s.step([1], rows=[-1]), OptionError, "no row -1"),
        (lambda s: s.step([1], rows=[1]), OptionError, "no row 1"),
        (lambda s: s.step([1, 1], rows=[0, 0]), OptionError, "named twice"),
        (lambda s: s.step([1], rows=0), ShapeError, "list of numbers"),
        (lambda s: s.step([1], rows=[0.5]), ShapeError, "list of numbers"),
        (lambda s: s.drop([4]), OptionError, "no row 4"),
        (lambda s: s.state(1), OptionError, "no row 1"),
        (lambda s: s.add(-1), OptionError, "count is -1"),
        (lambda s: s.add(1.5), OptionError, "count is 1.5"),
        (lambda s: s.step([1, 2, 3], out=np.empty((3, 4))), ShapeError, "out is float64"),
        (lambda s: s.step([1, 2, 3], out=np.empty((3, 8), np.float32)[:, ::2]), ShapeError, "not contiguous"),
        (lambda s: s.step([1, 2, 3], out=[0]), ShapeError, "out is list"),
        (lambda s: s.set_state(0, ((np.zeros(5),),)), ShapeError, "state h"),
    ],
)
def test_bad_rows_are_refused(engine, call, error, words):
    streams = small(engine).streams(4)
    streams.drop([1])
    with pytest.raises(error, match=words):
        call(streams)


@every_engine
def test_absurd_numbers_of_rows_are_refused(engine):
    streams = small(engine).streams(1)
    for count in (10**30, 1 << 60, 1 << 45):
        with pytest.raises(ResourceError, match="no memory"):
            streams.add(count)
    assert streams.step([1]).shape == (1, 4)


@every_engine
def test_streams_are_not_copied(engine):
    with pytest.raises(TypeError):
        copy.deepcopy(small(engine).stream())
