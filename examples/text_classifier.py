"""Who wrote it? Sentences of three novelists, by two LSTM layers with explicit initial states, of which the last step is used.

The text is shipped with hilevel (`hilevel.datasets.authors`). Sentences differ in length: they are padded with zeros, and the zeros
are masked, so that the last step is the last word.
"""

import numpy as np
from options import expect, options

import hilevel
from hilevel import layers, ops


class LSTMModel(hilevel.Model):
    """Words to vectors, several LSTM layers, and a score for each class from the last step."""

    def __init__(self, vocabulary_size, input_size, hidden_size, num_layers, output_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.embedding = layers.Embedding(vocabulary_size, input_size, mask_zero=True)
        self.dropout = layers.Dropout(0.5)
        self.lstm = [layers.LSTM(hidden_size, return_sequences=True) for _ in range(num_layers)]
        self.fc = layers.Dense(output_size)

    def call(self, x):
        out = self.dropout(self.embedding(x))
        for lstm in self.lstm:
            h0 = ops.zeros((x.shape[0], self.hidden_size))
            c0 = ops.zeros((x.shape[0], self.hidden_size))
            out = lstm(out, initial_state=[h0, c0])
        return self.fc(out[:, -1, :])


def main(epochs: int) -> None:
    (text_train, y_train), (text_test, y_test) = hilevel.datasets.authors.load_data()
    words = layers.TextVectorization(max_tokens=4000, output_sequence_length=40)
    words.adapt(text_train)
    x_train, x_test = words(text_train), words(text_test)
    print(f"{len(x_train)} sentences to learn from, {words.vocabulary_size()} words.")

    model = LSTMModel(words.vocabulary_size(), input_size=32, hidden_size=32, num_layers=2, output_size=3)
    loss = hilevel.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=hilevel.optimizers.Adam(0.003), loss=loss, metrics=["accuracy"])
    model.fit(x_train, y_train, epochs=epochs, batch_size=32)
    _, accuracy = model.evaluate(x_test, y_test, verbose=0)

    names = hilevel.datasets.authors.class_names
    for sentence, guess in zip(text_test[:3], np.argmax(model.predict(x_test[:3], verbose=0), axis=-1)):
        print(f"{names[guess]}? {sentence}")
    expect(accuracy > (0.65 if epochs >= 6 else 0.38), f"test accuracy {accuracy:.3f}; guessing: 0.333")


if __name__ == "__main__":
    main(options(__doc__, epochs=6).epochs)
