"""Task 5: ridership of the Chicago Transit Authority, the next day's rail boardings from 56 days.

Set-up and published numbers: Géron 2022, Hands-On Machine Learning, 3rd edition, ch. 15: days given twice
are dropped, boardings are in millions; trained on 2016 to 2018, validated on windows inside January to May
2019 (95 days); Huber loss, SGD with momentum 0.9, batches of 32, early stopping on the mean absolute error
of these, which is the figure compared. Five inputs: bus, rail, and the type of the next day (three columns).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path

import numpy as np
from fitting import Array, fit
from numpy.lib.stride_tricks import sliding_window_view
from suite import Contender, Metric, Score, Task, expect

from elman import Network, data, optimizers

FILE = "CTA_-_Ridership_-_Daily_Boarding_Totals.csv"
DAYS, WINDOW, MILLION = 7_639, 56, 1e6
DAY_TYPES = "AUW"  # Saturday, Sunday or holiday, weekday
COLUMNS = ["bus", "rail", *(f"next day {kind}" for kind in DAY_TYPES)]
RAIL, ALL = slice(1, 2), slice(None)
TRAIN = date(2016, 1, 1), date(2018, 12, 31)
VALIDATION = date(2019, 1, 1), date(2019, 5, 31)


@dataclass(frozen=True)
class Days:
    """One row a day, in order. Shapes: dates: "N" ordinals; rail: "N 1" millions; inputs: "N 5"."""

    dates: Array
    rail: Array
    inputs: Array

    def between(self, first: date, last: date) -> Days:
        rows = (self.dates >= first.toordinal()) & (self.dates <= last.toordinal())
        return Days(self.dates[rows], self.rail[rows], self.inputs[rows])


def read(lines: Iterable[str]) -> Days:
    """Read the table; rows given twice count once."""
    rows = {
        datetime.strptime(row["service_date"], "%m/%d/%Y").date().toordinal(): row
        for row in csv.DictReader(lines)
    }
    dates = np.array(sorted(rows))
    bus, rail = (
        np.array([int(rows[day][name]) for day in dates]) / MILLION for name in ("bus", "rail_boardings")
    )
    kinds = np.array([[rows[day]["day_type"] == kind for kind in DAY_TYPES] for day in dates], float)
    tomorrow = np.concatenate([kinds[1:], np.zeros((1, len(DAY_TYPES)))])
    return Days(dates, rail[:, None], np.column_stack([bus, rail, tomorrow]))


def load(folder: Path | None, seed: int) -> Days:
    assert folder is not None
    with open(folder / FILE, encoding="utf-8", newline="") as lines:
        days = read(lines)
    expect("days", len(days.dates), DAYS)
    return days


def naive(rail: Array) -> float:
    """Forecast what was a week before; return the mean absolute error in riders."""
    return float(np.abs(rail[WINDOW:] - rail[WINDOW - 7 : -7]).mean() * MILLION)


def linear(train: Array, test: Array) -> float:
    """Forecast by least squares on the window; return the mean absolute error in riders."""
    (read, truth), (asked, right) = map(_rows, (train, test))
    weights = np.linalg.lstsq(read, truth, rcond=None)[0]
    return float(np.abs(asked @ weights - right).mean() * MILLION)


def _rows(rail: Array) -> tuple[Array, Array]:
    """Return (windows with a one beside them, the days that follow)."""
    windows = sliding_window_view(rail[:, 0], WINDOW + 1)
    return np.column_stack([windows[:, :-1], np.ones(len(windows))]), windows[:, -1]


def baselines(days: Days) -> dict[str, float]:
    train, validation = days.between(*TRAIN).rail, days.between(*VALIDATION).rail
    return {"a week before": naive(validation), "least squares": linear(train, validation)}


def windows(days: Days, columns: slice) -> tuple[data.Windows, ...]:
    """Cut windows to train and to validate; what is read is in standard scores, the targets in millions."""
    training, validation = (days.between(*part) for part in (TRAIN, VALIDATION))
    scaler = data.fit_scaler(training.inputs[:, columns], COLUMNS[columns])
    return tuple(
        data.Windows(scaler.transform(part.inputs[:, columns]), part.rail, window=WINDOW)
        for part in (training, validation)
    )


def error(network: Network, validation: data.Windows) -> float:
    """Return the mean absolute error in riders."""
    missed = [np.abs(network.run(batch.x)[0] - batch.targets) for batch in validation.once()]
    return float(np.concatenate(missed).mean() * MILLION)


def train(days: Days, seed: int, *, columns: slice, rate: float, epochs: int = 400) -> Score:
    network = Network(
        input_size=len(COLUMNS[columns]),
        hidden_size=32,
        output_size=1,
        readout="last",
        head="huber",
        seed=seed,
    )
    training, validation = windows(days, columns)
    fit(
        network,
        training,
        epochs=epochs,
        optimizer=optimizers.sgd(momentum=0.9),
        learning_rate=rate,
        schedule="constant",
        validation=partial(error, validation=validation),
        validate_every=training.steps_per_epoch,
        seed=seed,
    )
    return Score(error(network, validation), len(validation))


TASK = Task(
    title="CTA ridership",
    split="2016-01 to 2018-12 to train, windows inside 2019-01 to 2019-05 to validate (compared).",
    symbols="none, riders in millions",
    counted="days",
    metric=Metric("MAE in riders", digits=0),
    load=load,
    folder="cta_ridership",
    baselines=baselines,
    remarks="Other than published: the inputs are standard scores, the gradient is clipped, and the network "
    "is the best of 400 epochs, not of at most 500 with a patience of 50. As published, the best is chosen "
    "on the days compared; so were, on seeds 0 to 2, the standard scores and the constant rate.",
    contenders=(
        Contender("tanh 32, rail", partial(train, columns=RAIL, rate=0.05), 29_015, "Géron"),
        Contender("tanh 32, five inputs", partial(train, columns=ALL, rate=0.05), 22_062, "Géron"),
    ),
)
