"""Wrong arguments of layers."""

from hilevel import layers

layers.Dense(3, activashun="relu")  # error
layers.Dense("three")  # error
layers.Dense()  # error
layers.Dense(3, use_bias="no")  # error
layers.Dense(3, activation=3)  # error
layers.Dense(3, kernel_initializer=0)  # error
layers.Dense(3, name=3)  # error
layers.Conv2D(8, 3, stride=2)  # error
layers.Conv2D(8, "3")  # error
layers.Conv2D(8, 3, padding=1)  # error
layers.Conv2D(8)  # error
layers.MaxPooling2D(pool_size="2")  # error
layers.LSTM(4, recurent_dropout=0.5)  # error
layers.LSTM(4, return_sequences="yes")  # error
layers.Dropout("0.5")  # error
layers.Embedding(10)  # error
layers.Reshape(3)  # error
layers.MultiHeadAttention(num_heads=2)  # error
layers.Bidirectional(3)  # error
layers.Input(shape="4")  # error
