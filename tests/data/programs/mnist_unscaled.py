import hilevel

(x_train, y_train), (x_test, y_test) = hilevel.datasets.mnist.load_data()

model = hilevel.models.Sequential([
  hilevel.layers.Flatten(input_shape=(28, 28)),
  hilevel.layers.Dense(128, activation='relu'),
  hilevel.layers.Dense(10, activation='softmax')
])

model.compile(optimizer='adam',
              loss='sparse_categorical_crossentropy',
              metrics=['accuracy'])

model.fit(x_train, y_train, epochs=2)

model.evaluate(x_test, y_test)
