"""Cart-poles in NumPy, for the programs of reinforcement learning.

A pole stands on a cart, which is pushed to the left or to the right (Barto, Sutton and Anderson, 1983). Gym's CartPole-v1
has the same equations and limits, with more steps.
"""

import numpy as np

LIMITS = np.array([2.4, np.pi / 15])  # of the place of the cart, and of the angle of the pole
LONGEST = 200


class CartPoles:
    """Several independent cart-poles. Each starts anew when its pole falls.

    A state has the shape (n, 4): place, speed, angle and angular speed.
    """

    def __init__(self, n, seed):
        self.rng = np.random.default_rng(seed)
        self.states, self.steps = self.start(n), np.zeros(n, int)
        self.lengths = []  # of the episodes that have ended

    def start(self, n):
        return self.rng.uniform(-0.05, 0.05, (n, 4)).astype("float32")

    def step(self, actions):
        """Push by actions 0 or 1 of shape (n,); return the next states, and which poles fell."""
        _, speed, angle, turn = self.states.T
        force = np.where(actions == 1, 10.0, -10.0)
        pull = (force + 0.05 * turn**2 * np.sin(angle)) / 1.1
        turning = (9.8 * np.sin(angle) - np.cos(angle) * pull) / (
            0.5 * (4 / 3 - 0.1 * np.cos(angle) ** 2 / 1.1)
        )
        moving = pull - 0.05 * turning * np.cos(angle) / 1.1
        change = np.stack([speed, moving, turn, turning], axis=1)
        following = (self.states + 0.02 * change).astype("float32")
        fell = (abs(following[:, [0, 2]]) > LIMITS).any(axis=1)
        self.steps += 1
        ended = fell | (self.steps >= LONGEST)
        self.lengths += self.steps[ended].tolist()
        self.steps[ended] = 0
        self.states = np.where(ended[:, None], self.start(len(ended)), following)
        return following, fell


def mean_length(choose, seed=1, n=50):
    """Return the mean number of steps until the pole falls, of actions `choose(states)`."""
    poles = CartPoles(n, seed)
    standing, total = np.ones(n, bool), 0
    for _ in range(LONGEST):
        total += standing.sum()
        standing &= ~poles.step(choose(poles.states))[1]
    return total / n
