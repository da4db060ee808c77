"""Names that are not there, or not public."""

import hilevel
from hilevel import Sequental  # error
from hilevel import callbacks, layers, losses, metrics, ops, optimizers
from hilevel.layers import Dens  # error
from hilevel.models import Functionl  # error

print(layers.Dens)  # error
print(layers.refuse)  # error
print(layers.TYPE_CHECKING)  # error
print(layers.np)  # error
print(losses.MeanSquareError)  # error
print(losses.Registry)  # error
print(metrics.Acuracy)  # error
print(ops.sumn)  # error
print(ops.np)  # error
print(optimizers.Adm)  # error
print(callbacks.EarlyStoping)  # error
print(hilevel.layer)  # error
print(hilevel.Dense)  # error
print(hilevel.datasets.mnits)  # error
print(hilevel.initializers.GlorotUnifrm)  # error
print(Sequental, Dens, Functionl)
