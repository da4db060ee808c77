"""Predict from a table of floats, integers and strings with `FeatureSpace`.

Each column has a kind, which decides its encoding: incomes are normalized, ages are divided into ranges, and categories
become one-hot vectors. A cross is a feature for each combination of two columns (Cheng et al., 2016). The table is made up, and
the effect of the job depends on the region.

It prints the AUC with and without the cross, and of the true probabilities, which no model exceeds by more than chance.
"""

import numpy as np
from checks import check, run

import hilevel
from hilevel import layers
from hilevel.utils import FeatureSpace

JOBS, REGIONS = ["farmer", "nurse", "clerk", "student"], ["north", "south", "west"]


def make_table(n, seed):
    """Return a dict of columns, the labels, and the true probabilities of label 1."""
    rng = np.random.default_rng(seed)
    table = {
        "age": rng.integers(18, 80, n),
        "income": rng.lognormal(3, 0.5, n).astype("float32"),
        "job": rng.choice(JOBS, n),
        "region": rng.choice(REGIONS, n),
        "children": rng.integers(0, 5, n),
    }
    effect = np.random.default_rng(0).normal(0, 2, (len(JOBS), len(REGIONS)))
    place = [[names.index(v) for v in table[c]] for c, names in (("job", JOBS), ("region", REGIONS))]
    young_or_old = (table["age"] < 30) | (table["age"] > 65)
    logit = effect[place[0], place[1]] + 1.5 * young_or_old - 0.03 * (table["income"] - 20) - 0.5
    chance = 1 / (1 + np.exp(-logit))
    return table, (rng.random(n) < chance).astype("float32"), chance


def make_space(crosses):
    return FeatureSpace(
        features={
            "age": FeatureSpace.float_discretized(num_bins=10),
            "income": FeatureSpace.float_normalized(),
            "job": FeatureSpace.string_categorical(num_oov_indices=0),
            "region": FeatureSpace.string_categorical(num_oov_indices=0),
            "children": FeatureSpace.integer_categorical(num_oov_indices=0),
        },
        crosses=crosses,
        output_mode="concat",
    )


def area(labels, scores):
    auc = hilevel.metrics.AUC(num_thresholds=1000)
    auc.update_state(labels, scores)
    return float(auc.result())


def train(crosses, train_data, test_data, epochs):
    """Return the AUC of a logistic regression on the encoded table."""
    (table, labels, _), (table_test, labels_test, _) = train_data, test_data
    space = make_space(crosses)
    space.adapt(table)
    x, x_test = space(table), space(table_test)
    model = hilevel.Sequential([layers.Input(x.shape[1:]), layers.Dense(1, activation="sigmoid")])
    model.compile(hilevel.optimizers.Adam(0.02), loss="binary_crossentropy")
    model.fit(x, labels[:, None], batch_size=64, epochs=epochs)
    return area(labels_test, model.predict(x_test, verbose=0)[:, 0])


def main(quick=False):
    hilevel.utils.set_random_seed(0)
    data = make_table(1600 if quick else 6400, seed=1), make_table(2000, seed=2)
    epochs = 4 if quick else 10
    cross = FeatureSpace.cross(("job", "region"), crossing_dim=64)
    without, with_cross = (train(crosses, *data, epochs) for crosses in ([], [cross]))
    best = area(data[1][1], data[1][2])
    enough = with_cross > without + 0.02 and with_cross > best - (0.04 if quick else 0.02)
    check(
        enough, f"AUC {with_cross:.3f}, without the cross {without:.3f}, of the true probabilities {best:.3f}"
    )


if __name__ == "__main__":
    run(main, __doc__)
