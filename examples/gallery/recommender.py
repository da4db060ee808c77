"""Recommend films from ratings with factors of users and films.

A rating is a mean, plus the biases of the user and the film, plus the product of their factors (Koren, Bell and Volinsky,
2009). The ratings are made up from known factors with noise, so that the smallest possible error is known.

It prints the root of the mean squared error on unseen ratings, and for one user the ratings of the films recommended.
"""

import numpy as np
from checks import check, run

import hilevel
from hilevel import layers

USERS, FILMS, FACTORS, NOISE = 300, 200, 4, 0.3


def make_ratings(seed=0):
    """Return the true opinions (users, films), and indices of users and films with noisy ratings of 30 % of them."""
    rng = np.random.default_rng(seed)
    users, films = rng.normal(size=(USERS, FACTORS)), rng.normal(size=(FILMS, FACTORS))
    biases = rng.normal(0, 0.4, (USERS, 1)) + rng.normal(0, 0.4, (1, FILMS))
    opinions = 3 + biases + 0.4 * users @ films.T
    user, film = np.nonzero(rng.random((USERS, FILMS)) < 0.3)
    order = rng.permutation(len(user))
    user, film = user[order].astype("int32"), film[order].astype("int32")
    ratings = opinions[user, film] + rng.normal(0, NOISE, len(user))
    return opinions, user, film, ratings.astype("float32")


def make_model(mean):
    user, film = layers.Input((), dtype="int32"), layers.Input((), dtype="int32")

    def vectors(count, size, index):
        penalty = hilevel.regularizers.L2(2e-6)
        return layers.Embedding(count, size, embeddings_regularizer=penalty)(index)

    product = layers.Dot(axes=1)([vectors(USERS, FACTORS, user), vectors(FILMS, FACTORS, film)])
    total = layers.Add()([product, vectors(USERS, 1, user), vectors(FILMS, 1, film)])
    return hilevel.Model([user, film], layers.Rescaling(1.0, offset=mean)(total))


def main(quick=False):
    hilevel.utils.set_random_seed(0)
    opinions, user, film, ratings = make_ratings()
    train, test = slice(0, 15_000), slice(15_000, None)
    mean = float(ratings[train].mean())
    model = make_model(mean)
    model.compile(hilevel.optimizers.Adam(0.01), loss="mse")
    model.fit([user[train], film[train]], ratings[train], batch_size=128, epochs=5 if quick else 25)

    seen = film[train][user[train] == 0]
    guess = model.predict([np.zeros(FILMS, "int32"), np.arange(FILMS, dtype="int32")], verbose=0)[:, 0]
    guess[seen] = -np.inf
    best = np.argsort(-guess)[:5]
    print(f"user 0: films {best}, true opinions {opinions[0, best].round(1)}, mean {opinions[0].mean():.1f}")

    predicted = model.predict([user[test], film[test]], verbose=0)[:, 0]
    error, of_mean = (np.sqrt(np.mean((p - ratings[test]) ** 2)) for p in (predicted, mean))
    check(
        error < (0.8 * of_mean if quick else 1.3 * NOISE),
        f"error {error:.3f}, of the mean {of_mean:.3f}, of the noise alone {NOISE:.3f}",
    )


if __name__ == "__main__":
    run(main, __doc__)
