"""Forecast the next day of a power grid, hour by hour, with an LSTM.

The load has a daily and a weekly rhythm, and depends on the temperature, which drifts. The network sees three days, and
forecasts 24 hours at once. Its error is compared with the naive forecast, the same hour of the last day (Hyndman and
Koehler, 2006). The data are made up.

It prints the mean absolute error of both. `--picture FILE` draws a week of forecasts, with matplotlib.
"""

import numpy as np
from checks import check, run

import hilevel
from hilevel import layers

PAST, FUTURE = 72, 24


def make_series(days, seed=0):
    """Return the load and other features of each hour, of shape (hours, 6), scaled to about 1."""
    rng = np.random.default_rng(seed)
    hour = np.arange(24 * days)
    day = 2 * np.pi * hour / 24
    drift = np.zeros(len(hour))
    for t in range(1, len(hour)):
        drift[t] = 0.98 * drift[t - 1] + rng.normal(0, 0.1)
    temperature = drift + 0.5 * np.sin(day - 2)
    weekend = (hour // 24 % 7 >= 5).astype(float)
    load = np.sin(day - 1.5) * (1 - 0.6 * weekend) + 0.4 * np.sin(2 * day) - 0.8 * weekend
    load += 0.5 * temperature + rng.normal(0, 0.1, len(hour))
    tomorrow_is_weekend = (hour // 24 + 1) % 7 >= 5
    known = [load, temperature, weekend, tomorrow_is_weekend, np.sin(day), np.cos(day)]
    return np.stack(known, axis=1).astype("float32")


def cut(series, step):
    """Return windows of the past, (n, 72, 6), and the loads that follow, (n, 24)."""
    starts = np.arange(0, len(series) - PAST - FUTURE + 1, step)
    past = series[starts[:, None] + np.arange(PAST)]
    return past, series[starts[:, None] + PAST + np.arange(FUTURE), 0]


def make_model(units):
    return hilevel.Sequential([layers.Input((PAST, 6)), layers.LSTM(units), layers.Dense(FUTURE)])


def draw(path, truth, forecast, naive):
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(7, 2.6))
    hours = np.arange(truth.size)
    axis.plot(hours, naive.ravel(), color="0.7", label="the last day")
    axis.plot(hours, forecast.ravel(), color="tab:orange", label="LSTM")
    axis.plot(hours, truth.ravel(), "k", linewidth=0.8, label="load")
    axis.set(xlabel="hour", ylabel="load", xticks=hours[::24])
    axis.legend(ncols=3, fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=80)


def main(quick=False, picture=""):
    hilevel.utils.set_random_seed(0)
    series = make_series(days=120 if quick else 720)
    end = 24 * (90 if quick else 600)  # the test days follow the training days
    (x_train, y_train), (x_test, y_test) = cut(series[:end], step=5), cut(series[end - PAST :], step=24)

    model = make_model(16 if quick else 32)
    epochs = 6 if quick else 20
    rate = hilevel.optimizers.schedules.CosineDecay(0.01, epochs * len(x_train) // 32)
    model.compile(hilevel.optimizers.Adam(rate), loss="mse", metrics=["mae"])
    model.fit(x_train, y_train, batch_size=32, epochs=epochs)

    naive, forecast = x_test[:, -24:, 0], model.predict(x_test, verbose=0)
    if picture:
        draw(picture, y_test[:7], forecast[:7], naive[:7])
    error, of_naive = (np.mean(np.abs(guess - y_test)) for guess in (forecast, naive))
    check(
        error < (0.9 if quick else 0.6) * of_naive, f"mean error {error:.3f}, of the last day {of_naive:.3f}"
    )


if __name__ == "__main__":
    run(main, __doc__, picture="")
