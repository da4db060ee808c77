"""Balance a pole by deep Q-learning.

A network estimates the return of each action: the reward plus the discounted return of the best next action. A second
network, an older copy, gives these targets. Transitions are drawn from a memory (Mnih et al., 2015). The first network chooses
the best next action, and the copy evaluates it (van Hasselt, Guez and Silver, 2016).

It prints the mean number of steps, at most 200, until the pole falls.
"""

import numpy as np
from cart_pole import CartPoles, mean_length
from checks import check, run
from tqdm import tqdm

import hilevel
from hilevel import layers

POLES, BATCH, DISCOUNT, MEMORY = 8, 64, 0.95, 50_000


def make_model(steps):
    rate = hilevel.optimizers.schedules.CosineDecay(0.002, steps)
    hidden = [layers.Dense(64, activation="relu") for _ in range(2)]
    model = hilevel.Sequential([layers.Input((4,)), *hidden, layers.Dense(2)])
    model.compile(hilevel.optimizers.Adam(rate), loss="huber")
    return model


class Memory:
    """The latest transitions: state, action, next state, and whether the pole fell."""

    def __init__(self):
        self.states, self.following = np.zeros((2, MEMORY, 4), "float32")
        self.actions, self.fell, self.count = np.zeros(MEMORY, int), np.zeros(MEMORY, bool), 0

    def add(self, states, actions, following, fell):
        places = np.arange(self.count, self.count + len(states)) % MEMORY
        self.states[places], self.following[places] = states, following
        self.actions[places], self.fell[places] = actions, fell
        self.count += len(states)

    def sample(self, rng):
        i = rng.integers(0, min(self.count, MEMORY), BATCH)
        return self.states[i], self.actions[i], self.following[i], self.fell[i]


def targets(model, older, states, actions, following, fell):
    """Return the outputs of the model, with the new estimate for the action that was taken."""
    both = model.predict_on_batch(np.concatenate([states, following]))
    values, best = both[:BATCH].copy(), both[BATCH:].argmax(axis=1)
    rows = np.arange(BATCH)
    later = older.predict_on_batch(following)[rows, best]
    values[rows, actions] = 1 + DISCOUNT * np.where(fell, 0, later)
    return values


def main(quick=False):
    hilevel.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    steps = 600 if quick else 6000
    poles, memory, model, older = CartPoles(POLES, seed=0), Memory(), make_model(steps), make_model(steps)
    best = lambda states: model.predict_on_batch(states).argmax(axis=1)
    before = mean_length(best)

    bar = tqdm(range(steps))
    for step in bar:
        random = rng.random(POLES) < max(0.05, 1 - 3 * step / steps)
        states, actions = poles.states, np.where(random, rng.integers(0, 2, POLES), best(poles.states))
        memory.add(states, actions, *poles.step(actions))
        sampled = memory.sample(rng)
        loss = model.train_on_batch(sampled[0], targets(model, older, *sampled))
        if step % 50 == 0:
            older.set_weights(model.get_weights())
            bar.set_postfix(loss=f"{float(loss):.3f}", steps=np.mean(poles.lengths[-20:] or 0))

    after = mean_length(best)
    check(after > (3 * before if quick else 150), f"{after:.0f} steps, {before:.0f} before")


if __name__ == "__main__":
    run(main, __doc__)
