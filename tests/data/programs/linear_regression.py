import numpy as np
import hilevel

X = np.random.rand(100, 1)
Y = 3 * X + 2 + np.random.rand(100, 1)

class LinearRegression(hilevel.Model):
    def __init__(self):
        super(LinearRegression, self).__init__()
        self.W = hilevel.Variable(hilevel.random.normal([1]))
        self.b = hilevel.Variable(hilevel.ops.zeros([1]))

    def call(self, x):
        return self.W * x + self.b

model = LinearRegression()

loss = hilevel.losses.MeanSquaredError()
optimizer = hilevel.optimizers.SGD(learning_rate=0.1)

for i in range(50):
    with hilevel.GradientTape() as tape:
        predictions = model(X)
        loss_value = loss(Y, predictions)
    gradients = tape.gradient(loss_value, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))

X_new = np.array([[0.5]])
predictions = model(X_new)
print(predictions)
