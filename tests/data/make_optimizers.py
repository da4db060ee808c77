"""Write optimizers.json: what Keras's optimizers and schedules do to fixed parameters with fixed gradients.

Run with Keras 3.15.1 and JAX installed: `KERAS_BACKEND=jax python tests/data/make_optimizers.py`.
"""

from __future__ import annotations

import json
import pathlib

import keras
import numpy as np

STEPS = 5
START = {"kernel": [[0.5, -1.0, 0.25], [1.5, 0.1, -0.4]], "bias": [0.2, -0.3, 0.0]}
TOGETHER = {
    "plain": {},
    "weight_decay": {"weight_decay": 0.1},
    "clipnorm": {"clipnorm": 0.5},
    "clipvalue": {"clipvalue": 0.3},
    "global_clipnorm": {"global_clipnorm": 0.7},
    "ema": {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 2},
    "accumulate": {"gradient_accumulation_steps": 2},
    "loss_scale": {"loss_scale_factor": 8.0},
}
OWN = {
    "SGD": [{"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}],
    "Adam": [{"amsgrad": True}, {"beta_1": 0.5, "beta_2": 0.7, "epsilon": 0.01}],
    "AdamW": [{"weight_decay": 0.2}],
    "Adamax": [{"beta_1": 0.5}],
    "Nadam": [{"beta_1": 0.5}],
    "RMSprop": [
        {"momentum": 0.5},
        {"centered": True},
        {"momentum": 0.5, "centered": True, "rho": 0.7},
    ],
    "Adagrad": [{"initial_accumulator_value": 0.5}],
    "Adadelta": [{"rho": 0.7, "epsilon": 0.001}],
    "Ftrl": [
        {"l1_regularization_strength": 0.1, "l2_regularization_strength": 0.2, "beta": 0.3},
        {"l2_shrinkage_regularization_strength": 0.1, "learning_rate_power": -0.3},
    ],
    "Lion": [{"beta_1": 0.5, "beta_2": 0.7}],
    "Lamb": [{"beta_1": 0.5}],
    "Adafactor": [{"relative_step": False}, {"clip_threshold": 0.5}],
    "ScheduleFreeAdamW": [{"beta_1": 0.5, "warmup_steps": 3}, {"beta_2": 0.5, "epsilon": 0.1}],
    "Muon": [{"nesterov": False}, {"rms_rate": None, "ns_steps": 3, "adam_lr_ratio": 0.5}],
}
SCHEDULES = {
    "ExponentialDecay": [
        {"initial_learning_rate": 0.1, "decay_steps": 4, "decay_rate": 0.5},
        {"initial_learning_rate": 0.1, "decay_steps": 4, "decay_rate": 0.5, "staircase": True},
    ],
    "InverseTimeDecay": [
        {"initial_learning_rate": 0.1, "decay_steps": 4, "decay_rate": 0.5},
        {"initial_learning_rate": 0.1, "decay_steps": 4, "decay_rate": 0.5, "staircase": True},
    ],
    "PiecewiseConstantDecay": [{"boundaries": [3, 7], "values": [0.3, 0.2, 0.1]}],
    "PolynomialDecay": [
        {"initial_learning_rate": 0.1, "decay_steps": 5},
        {"initial_learning_rate": 0.1, "decay_steps": 5, "power": 2.0, "end_learning_rate": 0.01},
        {"initial_learning_rate": 0.1, "decay_steps": 5, "cycle": True},
    ],
    "CosineDecay": [
        {"initial_learning_rate": 0.1, "decay_steps": 8, "alpha": 0.1},
        {"initial_learning_rate": 0.01, "decay_steps": 6, "warmup_target": 0.1, "warmup_steps": 4},
    ],
    "CosineDecayRestarts": [
        {"initial_learning_rate": 0.1, "first_decay_steps": 3},
        {"initial_learning_rate": 0.1, "first_decay_steps": 4, "t_mul": 1.0, "m_mul": 0.5},
        {
            "initial_learning_rate": 0.1,
            "first_decay_steps": 2,
            "t_mul": 1.5,
            "m_mul": 0.9,
            "alpha": 0.1,
        },
    ],
}


def gradients(step: int) -> dict[str, np.ndarray]:
    """The gradients of a step: any numbers would do, but they have to be the same for both."""
    return {
        name: (np.sin(np.arange(np.size(value)) * 1.3 + step) * (step + 1)).reshape(np.shape(value))
        for name, value in START.items()
    }


def trajectory(name: str, options: dict[str, object]) -> list[dict[str, object]]:
    """The parameters after each step."""
    schedule = options.get("learning_rate") == "schedule"
    rate = keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5) if schedule else 0.1
    optimizer = getattr(keras.optimizers, name)(**{**options, "learning_rate": rate})
    weights = {n: keras.Variable(np.array(v, "float32"), name=n) for n, v in START.items()}
    history = []
    for step in range(STEPS):
        grads = [g.astype("float32") for g in gradients(step).values()]
        optimizer.apply([keras.ops.convert_to_tensor(g) for g in grads], list(weights.values()))
        history.append({n: np.asarray(w).tolist() for n, w in weights.items()})
    return history


def main() -> None:
    """All trajectories, and the schedules' values at steps 0 to 20."""
    runs = []
    for name, own in OWN.items():
        common = (
            TOGETHER
            if name in ("SGD", "Adam", "RMSprop")
            else {"plain": {}, "weight_decay": {"weight_decay": 0.1}}
        )
        for options in [*common.values(), {"learning_rate": "schedule"}, *own]:
            runs.append({"name": name, "options": options, "history": trajectory(name, options)})
    schedules = [
        {
            "name": name,
            "options": options,
            "values": [float(getattr(keras.optimizers.schedules, name)(**options)(s)) for s in range(21)],
        }
        for name, kinds in SCHEDULES.items()
        for options in kinds
    ]
    data = {
        "start": START,
        "gradients": [{n: g.tolist() for n, g in gradients(s).items()} for s in range(STEPS)],
        "runs": runs,
        "schedules": schedules,
    }
    path = pathlib.Path(__file__).with_name("optimizers.json")
    path.write_text(json.dumps(json.loads(json.dumps(data), parse_float=lambda x: round(float(x), 9))))


if __name__ == "__main__":
    main()
