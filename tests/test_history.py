"""What a run leaves in the record of its model: losses, validations, samples."""

import numpy as np
import pytest

from elman.history import MOST, SAMPLES, History


def test_means_are_those_of_all_steps_between():
    losses, history = np.random.default_rng(0).random(5 * MOST + 3), History()
    for loss in losses:
        history.follow(loss)
    whole = losses[: len(history.loss) * history.every].reshape(-1, history.every).mean(axis=1)
    assert history.every == 8
    np.testing.assert_allclose(history.loss, whole, rtol=1e-4)
    assert history.begun[1] == len(losses) % history.every


def test_a_history_stays_small_and_keeps_the_first_and_the_last():
    history = History()
    for step in range(1, 5001):
        history.follow(1.0)
        history.judge(step, 2.0 + step, f"text {step}")
    assert len(history.loss) < MOST
    assert len(history.validation) <= MOST
    assert len(history.samples) <= SAMPLES
    assert [history.validation[0], history.validation[-1]] == [(1, 3.0), (5000, 5002.0)]
    assert [history.samples[0], history.samples[-1]] == [(1, "text 1"), (5000, "text 5000")]


@pytest.mark.parametrize("cut", [0, 1, 300, 511, 512, 513, 700])
def test_what_is_written_and_read_goes_on_the_same(cut):
    import msgspec

    history = straight = History()
    for step in range(1000):
        if step == cut:
            history = msgspec.convert(msgspec.json.decode(msgspec.json.encode(straight.facts())), History)
        for one in {id(history): history, id(straight): straight}.values():
            one.follow(1 / (step + 3))
            if step % 10 == 0:
                one.judge(step, 1 / (step + 7), "a\udc80" if step % 20 else None)
    assert history is not straight
    assert history == straight


def test_the_text_of_a_sample_can_be_written():
    history = History()
    history.judge(1, 1.0, "lone \ud800")
    assert history.samples == [(1, "lone ?")]
