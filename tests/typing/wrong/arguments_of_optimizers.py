"""Wrong arguments of optimizers and schedules."""

import hilevel
from hilevel.optimizers import SGD, Adam, AdamW, schedules

Adam(learning_rate="fast")  # error
Adam(lr=0.1)  # error
Adam(0.1, beta_1="0.9")  # error
Adam(0.1, amsgrad="yes")  # error
AdamW(0.1, weight_decay="0.1")  # error
SGD(momentum=[0.9])  # error
SGD(nestrov=True)  # error
SGD(clipnorm="1")  # error
schedules.ExponentialDecay(0.1)  # error
schedules.CosineDecay(0.1, decay_step=100)  # error
schedules.PiecewiseConstantDecay(1, 2)  # error
print(hilevel.optimizers.get())  # error
Adam().apply_gradients()  # error
print(Adam().learning_rates)  # error
