"""PyTorch's recurrent networks with Keras's weights."""

import torch


def sequences(kind, x, weights, gates=None):
    """The outputs of all steps. Weights in Keras's order: kernel, recurrent kernel and, perhaps, bias, for each direction;
    `gates` is the order of Keras's gates in PyTorch."""
    per = len(weights) // 2 if len(weights) > 3 else len(weights)
    units = weights[1].shape[0]
    net = kind(x.shape[-1], units, batch_first=True, bidirectional=len(weights) > 3)
    parameters = {}
    for direction, suffix in enumerate(["", "_reverse"][: len(weights) // per]):
        kernel, recurrent, *bias = weights[direction * per : (direction + 1) * per]
        turned = lambda w: w if gates is None else torch.cat([w.split(units, -1)[i] for i in gates], -1)
        biases = bias[0] if bias else torch.zeros(kernel.shape[1])
        two = biases if biases.dim() == 2 else torch.stack([biases, torch.zeros_like(biases)])
        parameters |= {
            f"weight_ih_l0{suffix}": turned(kernel).T,
            f"weight_hh_l0{suffix}": turned(recurrent).T,
            f"bias_ih_l0{suffix}": turned(two[0]),
            f"bias_hh_l0{suffix}": turned(two[1]),
        }
    return torch.func.functional_call(net, parameters, (x,))[0]


GRU = {"gates": (1, 0, 2)}
RECURRENT = {
    "simple": lambda x, *w: sequences(torch.nn.RNN, x, w)[:, -1],
    "lstm": lambda x, *w: sequences(torch.nn.LSTM, x, w)[:, -1],
    "lstm no bias": lambda x, *w: sequences(torch.nn.LSTM, x, w),
    "gru": lambda x, *w: sequences(torch.nn.GRU, x, w, **GRU)[:, -1],
    "gru no bias": lambda x, *w: sequences(torch.nn.GRU, x, w, **GRU)[:, -1],
    "bidirectional": lambda x, *w: torch.cat(
        [sequences(torch.nn.LSTM, x, w)[:, -1, :4], sequences(torch.nn.LSTM, x, w)[:, 0, 4:]], -1
    ),
}
