"""Balance a pole by proximal policy optimization.

A network has two outputs: the logits of the actions, and the expected return. Each round plays with the current policy, and
learns from its actions for a few epochs. The objective ignores changes of a probability by more than 20 %, so that one
round does not change the policy too much (Schulman et al., 2017).

It prints the mean number of steps, at most 200, until the pole falls.
"""

import numpy as np
from cart_pole import CartPoles, mean_length
from checks import check, run
from tqdm import tqdm

import hilevel
from hilevel import layers, ops

POLES, STEPS, DISCOUNT, SMOOTHING, CLIP = 16, 64, 0.98, 0.95, 0.2


def policy_loss(target, logits):
    """Return the clipped objective, from targets (action, advantage, log probability when it was taken)."""
    action, advantage, before = target[:, 0], target[:, 1], target[:, 2]
    log_probability = ops.log_softmax(logits)
    taken = ops.where(action == 1, log_probability[:, 1], log_probability[:, 0])
    ratio = ops.exp(taken - before)
    objective = ops.minimum(ratio * advantage, ops.clip(ratio, 1 - CLIP, 1 + CLIP) * advantage)
    entropy = -ops.sum(ops.exp(log_probability) * log_probability, axis=-1)
    return -objective - 0.01 * entropy


def make_model():
    inputs = layers.Input((4,))
    x, y = (layers.Dense(64, activation="tanh")(inputs) for _ in range(2))
    logits = layers.Dense(2, kernel_initializer=hilevel.initializers.RandomNormal(stddev=0.01), name="policy")
    model = hilevel.Model(inputs, {"policy": logits(x), "value": layers.Dense(1, name="value")(y)})
    loss = {"policy": policy_loss, "value": "mse"}
    model.compile(hilevel.optimizers.Adam(0.003), loss=loss, loss_weights={"policy": 1, "value": 0.005})
    return model


def log_softmax(logits):
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def play(model, poles, rng):
    """Return states, actions and their log probabilities, next states and falls, of shape (STEPS, POLES, ...)."""
    played = []
    for _ in range(STEPS):
        states = poles.states
        logs = log_softmax(model.predict_on_batch(states)["policy"])
        actions = (rng.random(POLES) < np.exp(logs[:, 1])).astype(int)
        played.append((states, actions, logs[np.arange(POLES), actions], *poles.step(actions)))
    return [np.stack(column) for column in zip(*played)]


def advantages(value, next_value, fell, cut):
    """Return the generalized advantage of each step (Schulman et al., 2016)."""
    surprise = 1 + DISCOUNT * np.where(fell, 0, next_value) - value
    result, later = np.zeros_like(surprise), 0.0
    for t in reversed(range(STEPS)):
        later = surprise[t] + DISCOUNT * SMOOTHING * np.where(cut[t], 0, later)
        result[t] = later
    return result


def learn(model, states, actions, logs, following, fell):
    cut = np.ones_like(fell)  # an episode ends where the next state is not the one that follows
    cut[:-1] = (states[1:] != following[:-1]).any(axis=-1)
    value, next_value = (
        model.predict_on_batch(x.reshape(-1, 4))["value"].reshape(STEPS, POLES) for x in (states, following)
    )
    advantage = advantages(value, next_value, fell, cut)
    scaled = (advantage - advantage.mean()) / (advantage.std() + 1e-6)
    policy = np.stack([actions, scaled, logs], axis=-1).reshape(-1, 3).astype("float32")
    targets = {"policy": policy, "value": (value + advantage).reshape(-1, 1).astype("float32")}
    model.fit(states.reshape(-1, 4), targets, batch_size=256, epochs=4, verbose=0)


def main(quick=False):
    hilevel.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    model, poles = make_model(), CartPoles(POLES, seed=0)
    best = lambda states: model.predict_on_batch(states)["policy"].argmax(axis=1)
    chance = mean_length(lambda states: rng.integers(0, 2, len(states)))

    bar = tqdm(range(6 if quick else 40))
    for _ in bar:
        learn(model, *play(model, poles, rng))
        bar.set_postfix(steps=np.mean(poles.lengths[-50:] or 0))

    after = mean_length(best)
    check(after > (2 * chance if quick else 190), f"{after:.0f} steps, by chance {chance:.0f}")


if __name__ == "__main__":
    run(main, __doc__)
