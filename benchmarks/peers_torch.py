"""The workloads in PyTorch, eager or compiled: ordinary modules and an ordinary, good training loop."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from workloads import WORKLOADS

Train = Callable[[Any, Any], Any]


class Last(nn.Module):
    """An LSTM of which the last output counts."""

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(inputs, units, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.lstm(x)[0][:, -1]


class Attentive(nn.Module):
    """An LSTM whose steps look at each other."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.lstm, self.out = nn.LSTM(16, width, batch_first=True), nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        h, _ = self.lstm(x)
        seen = torch.softmax(h @ h.mT, -1) @ h  # faster here than scaled_dot_product_attention
        return self.out(seen.mean(1))


class Residual(nn.Module):
    """Two convolutions and a way past them."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = normalised(inputs, outputs, 3, stride)
        self.second = normalised(outputs, outputs, 3)
        self.shortcut = nn.Identity() if stride == 1 else normalised(inputs, outputs, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.second(F.relu(self.first(x))) + self.shortcut(x))


def normalised(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Module:
    """Make a convolution and batch normalisation."""
    convolution = nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs))


class Attention(nn.Module):
    """Causal self-attention with four heads."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inputs, self.outputs = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (t.unflatten(-1, (4, -1)).transpose(1, 2) for t in self.inputs(x).chunk(3, -1))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.outputs(y.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """A pre-norm block."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention = nn.Sequential(nn.LayerNorm(width), Attention(width))
        hidden = nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        self.mlp = nn.Sequential(nn.LayerNorm(width), *hidden)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(x)
        return x + self.mlp(x)


class Embedded(nn.Module):
    """Tokens and their places."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(5000, width), nn.Embedding(128, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.tokens(x) + self.places.weight


def narrow(width: int) -> nn.Module:
    """Make twenty small layers."""
    sizes = pairwise([64, *[width] * 19, 64])
    return nn.Sequential(*(m for a, b in sizes for m in (nn.Linear(a, b), nn.ReLU())))


MODELS: dict[str, Callable[..., nn.Module]] = {
    "mlp": lambda width=128: nn.Sequential(nn.Linear(784, width), nn.ReLU(), nn.Linear(width, 10)),
    "cnn": lambda width=32: nn.Sequential(
        nn.Conv2d(1, width, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(13 * 13 * width, 128), nn.ReLU(), nn.Linear(128, 10)),
    "lstm_small": lambda width=50: nn.Sequential(Last(1, width), nn.Linear(width, 1)),
    "lstm": lambda width=128: nn.Sequential(
        nn.Embedding(5000, width // 2), Last(width // 2, width), nn.Linear(width, 1)),
    "lstm_attention": lambda width=50: Attentive(width),
    "resnet_small": lambda width=32: nn.Sequential(
        normalised(3, width, 3), nn.ReLU(), Residual(width, width, 1), Residual(width, 2 * width, 2),
        Residual(2 * width, 4 * width, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * width, 10)),
    "transformer": lambda width=128: nn.Sequential(
        Embedded(width), Block(width), Block(width), nn.LayerNorm(width), nn.Linear(width, 5000)),
    "gan_step": lambda width=256: nn.ModuleList(
        [nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 784), nn.Tanh()),
         nn.Sequential(nn.Linear(784, width), nn.LeakyReLU(0.2), nn.Linear(width, 1))]),
    "deep_narrow": lambda width=64: narrow(width),
}  # fmt: skip


def cross_entropy(out: Tensor, y: Tensor) -> Tensor:
    """Return the loss of logits of classes on the last axis."""
    return F.cross_entropy(out.flatten(0, -2), y.flatten())


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mlp": cross_entropy, "cnn": cross_entropy, "resnet_small": cross_entropy, "transformer": cross_entropy,
    "lstm": F.binary_cross_entropy_with_logits,
}  # fmt: skip


def optimizer_of(name: str, model: nn.Module) -> torch.optim.Optimizer:
    """Return the optimizer of a workload."""
    if name == "resnet_small":
        return torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
    if name == "transformer":
        return torch.optim.AdamW(model.parameters(), 0.001, weight_decay=0.01)
    return torch.optim.Adam(model.parameters(), 0.001)


def model_of(name: str, device: str, compiled: bool) -> nn.Module:
    """Return the model of a workload, in its sizes."""
    torch.manual_seed(0)
    width = WORKLOADS[name].width
    model = (MODELS[name](width) if width else MODELS[name]()).to(device)
    if compiled:
        for part in model if name == "gan_step" else [model]:
            part.compile()
    return model


def tensors(x: Any, y: Any, device: str) -> tuple[Tensor, Tensor]:
    """Return the arrays as tensors, on the CPU without a copy; channels of images in PyTorch's place."""
    x, y = torch.from_numpy(x).to(device), torch.from_numpy(y).to(device)
    return (x.movedim(-1, 1) if x.ndim == 4 else x), y


def program(name: str, device: str = "cpu", compiled: bool = False) -> Train:
    """Return a function that trains the model of a workload for one epoch on arrays, and returns its mean loss."""
    model, loss_of = model_of(name, device, compiled), LOSSES.get(name, F.mse_loss)
    if name == "gan_step":
        return gan(model, device)
    optimizer = optimizer_of(name, model)
    batch, counts_hits = WORKLOADS[name].batch, name in ("mlp", "cnn", "resnet_small")

    def train(x: Any, y: Any) -> float:
        x, y = tensors(x, y, device)
        total, hits = torch.zeros((), device=device), torch.zeros((), device=device)
        for rows in torch.randperm(len(x), device=device).split(batch):
            xb, yb = x[rows], y[rows]
            optimizer.zero_grad()
            out = model(xb)
            loss = loss_of(out, yb)
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(rows)
            if counts_hits:
                hits += (out.detach().argmax(-1) == yb).sum()
        return float(total) / len(x)

    return train


def gan(networks: Any, device: str) -> Train:
    """Run one pass through both networks, the gradients of both losses at the same weights."""
    generator, discriminator = networks
    optimizers = [torch.optim.Adam(net.parameters(), 0.001) for net in networks]
    parameters = [list(net.parameters()) for net in networks]
    loss_of, batch = F.binary_cross_entropy_with_logits, WORKLOADS["gan_step"].batch

    def step(real: Tensor) -> Tensor:
        ones, zeros = torch.ones(len(real), 1, device=device), torch.zeros(len(real), 1, device=device)
        fake_output = discriminator(generator(torch.randn(len(real), 64, device=device)))
        generator_loss = loss_of(fake_output, ones)
        loss = loss_of(discriminator(real), ones) + loss_of(fake_output, zeros)
        gradients = [
            torch.autograd.grad(generator_loss, parameters[0], retain_graph=True),
            torch.autograd.grad(loss, parameters[1]),
        ]
        for optimizer, owned, found in zip(optimizers, parameters, gradients, strict=True):
            for parameter, gradient in zip(owned, found, strict=True):
                parameter.grad = gradient
            optimizer.step()
        return loss.detach()

    def train(x: Any, y: None) -> float:
        x = torch.from_numpy(x).to(device)
        loss = torch.zeros((), device=device)
        for rows in torch.randperm(len(x), device=device).split(batch):
            loss = step(x[rows])
        return float(loss)

    return train


def predictor() -> Callable[[Any], Any]:
    """Return the outputs of the mlp for arrays, as arrays."""
    model = MODELS["mlp"]().eval()

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def predict(x: Any) -> Any:
        return model(torch.from_numpy(x)).numpy()

    return predict
