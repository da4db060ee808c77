"""Predict the parties of a club from friendships with a graph convolutional network.

The 34 members of a karate club split into two (Zachary, 1977). Only the parties of the two leaders are given. A layer adds
up the messages of the neighbours of each member, so that two layers spread the parties over the graph (Kipf and Welling,
2017).

It prints the members that are assigned to the wrong party.
"""

import numpy as np
from checks import check, run

import hilevel
from hilevel import layers, ops

FRIENDS = {  # of each member, with a larger index
    0: [1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 17, 19, 21, 31], 1: [2, 3, 7, 13, 17, 19, 21, 30],
    2: [3, 7, 8, 9, 13, 27, 28, 32], 3: [7, 12, 13], 4: [6, 10], 5: [6, 10, 16], 6: [16], 8: [30, 32, 33],
    9: [33], 13: [33], 14: [32, 33], 15: [32, 33], 18: [32, 33], 19: [33], 20: [32, 33], 22: [32, 33],
    23: [25, 27, 29, 32, 33], 24: [25, 27, 31], 25: [31], 26: [29, 33], 27: [33], 28: [31, 33], 29: [32, 33],
    30: [32, 33], 31: [32, 33], 32: [33],
}  # fmt: skip
OTHER_PARTY = [9, 14, 15, 18, 20, *range(22, 34)]
LEADERS = [0, 33]
MEMBERS = 34


def load_graph():
    """Return the two ends of all edges, in both directions and with a loop at each member; and the parties."""
    pairs = [(a, b) for a, others in FRIENDS.items() for b in others]
    pairs += [(b, a) for a, b in pairs] + [(a, a) for a in range(MEMBERS)]
    parties = np.isin(np.arange(MEMBERS), OTHER_PARTY).astype("int32")
    return *np.array(pairs, "int32").T, parties


class GraphConvolution(layers.Layer):
    """The weighted sum of the transformed features of all neighbours, of shape (nodes, units)."""

    def __init__(self, units, source, target):
        super().__init__()
        self.dense = layers.Dense(units)
        degree = np.bincount(target)
        self.source, self.target, self.nodes = source, target, len(degree)
        self.weight = (1 / np.sqrt(degree[source] * degree[target])).astype("float32")[:, None]

    def call(self, features):
        messages = ops.take(self.dense(features), self.source, axis=0) * self.weight
        return ops.segment_sum(messages, self.target, num_segments=self.nodes)


def main(quick=False):
    hilevel.utils.set_random_seed(0)
    source, target, parties = load_graph()
    model = hilevel.Sequential(
        [
            layers.Input((MEMBERS,)),
            GraphConvolution(16, source, target),
            layers.Activation("tanh"),
            GraphConvolution(2, source, target),
        ]
    )
    loss = hilevel.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(hilevel.optimizers.Adam(0.02, weight_decay=0.01), loss)

    features = np.eye(MEMBERS, dtype="float32")  # no features but the identity
    given = np.isin(np.arange(MEMBERS), LEADERS).astype("float32")
    model.fit(  # the whole graph is one batch, and only the leaders count
        features, parties, sample_weight=given, batch_size=MEMBERS, shuffle=False, epochs=20 if quick else 200
    )
    predicted = model.predict(features, batch_size=MEMBERS, verbose=0).argmax(axis=-1)
    print("in the wrong party:", np.flatnonzero(predicted != parties))
    accuracy = np.mean((predicted == parties)[given == 0])
    check(
        accuracy > (0.8 if quick else 0.9), f"accuracy {accuracy:.3f} of the members whose party is not given"
    )


if __name__ == "__main__":
    run(main, __doc__)
