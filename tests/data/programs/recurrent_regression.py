import numpy as np
import hilevel
from hilevel.models import Sequential
from hilevel.layers import LSTM, Dense

X = np.random.rand(100, 10, 1)
Y = np.random.rand(100, 1)

model = Sequential([
    LSTM(50, activation='relu', input_shape=(10, 1)),
    Dense(1)
])

model.compile(optimizer='adam', loss='mean_squared_error')

model.fit(X, Y, epochs=2, batch_size=10)

X_new = np.array([[0.5] * 10])
predictions = model.predict(X_new)
print(predictions)
