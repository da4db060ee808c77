from hilevel import config, ops, tree
from hilevel.autodiff.functional import custom_gradient, grad, hessian, jacobian, jvp, value_and_grad, vjp
from hilevel.autodiff.gradient_tape import GradientTape
from hilevel.autodiff.jit import jit
from hilevel.backends import current_backend, set_backend, use_backend
from hilevel.variables import Variable
