"""Recognize the author of a sentence with a transformer.

A sentence is a sequence of words. Self-attention compares each word with all others, and a mask leaves out the padding
(Vaswani et al., 2017). The mean over the words is classified.

It prints the accuracy on sentences of Austen, Chesterton and Melville, and three guesses.
"""

import numpy as np
from checks import check, run

import hilevel
from hilevel import layers, ops

LENGTH, WORDS = 40, 4000


class Embedding(layers.Layer):
    """The sum of a vector for each word and one for each position."""

    def __init__(self, size, **options):
        super().__init__(**options)
        self.words = layers.Embedding(WORDS, size, mask_zero=True)
        self.positions = layers.Embedding(LENGTH, size)

    def call(self, words):
        return self.words(words) + self.positions(ops.arange(LENGTH))

    def compute_mask(self, words, mask=None):
        return self.words.compute_mask(words)


def transformer_block(x, heads, size):
    attended = layers.MultiHeadAttention(heads, size // heads, dropout=0.2)(x, x)
    x = layers.LayerNormalization()(layers.Add()([x, attended]))
    hidden = layers.Dense(size)(layers.Dense(2 * size, activation="relu")(x))
    return layers.LayerNormalization()(layers.Add()([x, layers.Dropout(0.2)(hidden)]))


def make_model(size, blocks):
    words = layers.Input((LENGTH,), dtype="int32")
    x = layers.Dropout(0.4)(Embedding(size)(words))
    for _ in range(blocks):
        x = transformer_block(x, heads=2, size=size)
    x = layers.Dropout(0.4)(layers.GlobalAveragePooling1D()(x))
    return hilevel.Model(words, layers.Dense(3, activation="softmax")(x))


def main(quick=False):
    hilevel.utils.set_random_seed(0)
    (text_train, y_train), (text_test, y_test) = hilevel.datasets.authors.load_data()
    words = layers.TextVectorization(max_tokens=WORDS, output_sequence_length=LENGTH)
    words.adapt(text_train)
    x_train, x_test = (np.asarray(words(text), "int32") for text in (text_train, text_test))

    model = make_model(size=16 if quick else 64, blocks=1)
    model.compile(hilevel.optimizers.Adam(0.002), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, batch_size=64, epochs=3 if quick else 4)

    names = hilevel.datasets.authors.class_names
    for sentence, guess in zip(text_test[:3], model.predict(x_test[:3], verbose=0).argmax(axis=-1)):
        print(f"{names[guess]}? {sentence}")
    accuracy = model.evaluate(x_test, y_test, verbose=0)[1]
    check(accuracy > (0.5 if quick else 0.75), f"test accuracy {accuracy:.3f}, of a guess 0.333")


if __name__ == "__main__":
    run(main, __doc__)
