"""Thousands of sensors, one network: which breaks, and when?  python sensor_alarm.py [picture.png]

A network learns from healthy sensors to say mean and spread of the next value. Then 2,000 sensors are read as
their values come, a state for each; a value too far from what was expected raises the alarm.
"""

import sys
import time

import numpy as np
from matplotlib import pyplot

import elman
from elman.data import Sequences

SENSORS, STEPS, FAR = 2_000, 400, 5.0  # FAR: an alarm, in standard deviations


def values(random: np.random.Generator, sensors: int) -> np.ndarray:
    """Return what healthy sensors say, "T N": a swing of its own length and size for each, and noise."""
    t, period = np.arange(STEPS)[:, None], random.uniform(12, 36, sensors)
    swing = random.uniform(0.5, 1.5, sensors) * np.sin(2 * np.pi * (t / period + random.random(sensors)))
    return swing + random.normal(0, 0.15, (STEPS, sensors))


random = np.random.default_rng(0)
healthy = values(random, 300).T[:, :, None]
data = Sequences([x[:-1] for x in healthy], [x[1:] for x in healthy], batch_size=20, per_sequence=False)
network = elman.Network("gru", input_size=1, hidden_size=24, output_size=1, head="gaussian", seed=1)
*_, last = elman.train(network, data, steps=300, learning_rate=1e-2)
print(f"learned  {last.seconds:.0f} s, from {len(healthy)} healthy sensors")

live, steps = values(random, SENSORS), np.arange(STEPS)[:, None]
broken, since = random.random(SENSORS) < 0.05, random.integers(100, 350, SENSORS)
live += broken * (steps >= since) * random.choice([-1.5, 1.5], SENSORS)  # knocked out of place

streams, seconds = network.streams(SENSORS), []
said, alarms = np.zeros((STEPS + 1, SENSORS, 2)), np.zeros((STEPS, SENSORS), bool)
said[0] = 0, np.inf  # of the first value nothing is expected
for t, value in enumerate(live):
    began = time.perf_counter()
    mean, deviation = said[t].T
    alarms[t] = np.abs(value - mean) > FAR * deviation
    said[t + 1] = streams.step(value[:, None])
    seconds.append(time.perf_counter() - began)
print(f"latency  {np.median(seconds) * 1e3:.2f} ms a step for {SENSORS:,} sensors")
prompt = (alarms & (steps >= since) & (steps < since + 5)).any(axis=0)[broken]
print(f"found    {prompt.mean():.1%} of the {broken.sum()} broken sensors within 5 steps")
print(f"false    {alarms[:, ~broken].sum()} alarms in {alarms[:, ~broken].size:,} values of healthy ones")

one = np.flatnonzero(broken)[0]
mean, deviation = said[1:-1, one].T
ax = pyplot.subplots(figsize=(9, 3.5), layout="constrained")[1]
ax.fill_between(range(1, STEPS), mean - FAR * deviation, mean + FAR * deviation, alpha=0.3, label="expected")
ax.plot(live[:, one], ".k", markersize=3, label="measured")
ax.plot(np.flatnonzero(alarms[:, one]), live[alarms[:, one], one], "or", markersize=4, label="alarm")
ax.set(xlabel="step", ylabel="value", title=f"sensor {one}, broken since step {since[one]}")
ax.legend()
ax.figure.savefig(sys.argv[1] if len(sys.argv) > 1 else "sensor_alarm.png")
