"""What PyTorch makes of some of tests/layer_cases, with Keras's weights: its output and gradients, in Keras's layout.

`TORCH` maps the name of a case to a function `(x, *weights)` of torch tensors in Keras's layout; autograd gives the
gradients of all of them.
"""

import torch
from torch_convolution import CONVOLUTION
from torch_recurrent import RECURRENT

TORCH = {**CONVOLUTION, **RECURRENT}


def by_torch(name, case, groups):
    """Output and gradients, as `torch_output`, `torch_g_inputs` and `torch_g_weights`."""
    tensors = lambda arrays: [torch.tensor(a.tolist(), requires_grad=True) for a in arrays]
    inputs = tensors(groups["inputs"])
    weights = tensors(groups["weights"][: len(groups["g_weights"])])
    output = TORCH[name](*inputs, *weights)
    (output * torch.tensor(groups["weight"][0].tolist())).sum().backward()
    return {
        "torch_output": [output.detach().numpy()],
        "torch_g_inputs": [x.grad.numpy() for x in inputs],
        "torch_g_weights": [w.grad.numpy() for w in weights],
    }
