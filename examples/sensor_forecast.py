"""What will a sensor say tomorrow, and how sure is that?  python sensor_forecast.py [picture.png]

A year of hourly temperatures is made up: seasons, days, weather that drifts, and noise that is larger by day.
A network with the quantile head forecasts the next 24 hours; 80 of 100 values should lie in its interval.
"""

import sys

import numpy as np
from matplotlib import pyplot

import elman
from elman.data import Windows, fit_scaler, split_series

DAY, WINDOW = 24, 48


def weather(hours: int, seed: int) -> np.ndarray:
    """Return temperatures in °C, "hours"."""
    random, t = np.random.default_rng(seed), np.arange(hours)
    drift = np.convolve(random.normal(0, 0.5, hours), 0.985 ** np.arange(400))[:hours]
    sun = np.sin(2 * np.pi * (t - 8) / DAY)
    noise = random.normal(size=hours) * (0.3 + 0.9 * (sun > 0))
    return 12 - 9 * np.cos(2 * np.pi * t / (365 * DAY)) + 4 * sun + drift + noise


celsius = weather(365 * DAY, seed=0)
known, held = split_series(len(celsius), 1 / 6, history=WINDOW)
scaler = fit_scaler(celsius[known, None], ["temperature"])
hour = np.arange(len(celsius)) * 2 * np.pi / DAY
z = scaler.transform(celsius[:, None])
x = np.column_stack([z, np.sin(hour), np.cos(hour)])
data = Windows(x[known], z[known], WINDOW, horizon=DAY, batch_size=64)
shape = {"input_size": 3, "hidden_size": 32, "output_size": DAY, "readout": "last"}
network = elman.Network("gru", **shape, head="quantile", quantiles=(0.1, 0.5, 0.9), seed=1)
*_, last = elman.train(network, data, steps=600, learning_rate=5e-3)
print(f"learned   {last.seconds:.0f} s, from {known.stop:,} hours")

tests = Windows(x[held], z[held], WINDOW, horizon=DAY, stride=DAY, batch_size=64)
said = np.concatenate([network.run(batch.x)[0] for batch in tests.once()]).reshape(-1, 3, DAY)
low, middle, high = np.moveaxis(said * scaler.scale[0] + scaler.mean[0], 1, 0)
days = celsius[held.start + WINDOW - DAY :][: DAY * (len(said) + 1)].reshape(-1, DAY)
before, true = days[:-1], days[1:]
inside, error, naive = (low <= true) & (true <= high), np.abs(middle - true), np.abs(before - true)
print(f"coverage  {inside.mean():.1%} of {true.size:,} values lie in the 80 % interval")
print(f"error     {error.mean():.2f} °C; {naive.mean():.2f} °C for the same as the day before")
first, *_, final = (high - low).mean(axis=0)
print(f"width     {first:.2f} °C for the next hour, {final:.2f} °C for that of a day ahead")

ax, hours = pyplot.subplots(figsize=(9, 3.5), layout="constrained")[1], range(7 * DAY)
ax.fill_between(hours, low[:7].ravel(), high[:7].ravel(), alpha=0.3, label="80 % interval")
ax.plot(hours, middle[:7].ravel(), label="forecast, made once a day")
ax.plot(hours, true[:7].ravel(), ".k", markersize=3, label="measured")
ax.set(xlabel="hour", ylabel="°C", xticks=hours[::DAY])
ax.legend()
ax.figure.savefig(sys.argv[1] if len(sys.argv) > 1 else "sensor_forecast.png")
