"""Small backbones of KerasHub, their inputs and their weights; as a program, the outputs of Keras itself in a file.

python hub_models.py outputs.npz
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

TEXT = {"vocabulary_size": 20, "num_layers": 2, "hidden_dim": 16, "intermediate_dim": 24}
ENCODER = {**TEXT, "num_heads": 2, "max_sequence_length": 8}
DECODER = {**TEXT, "num_query_heads": 4, "num_key_value_heads": 2}
RESNET = {
    "input_conv_filters": [64], "input_conv_kernel_sizes": [3], "stackwise_num_filters": [64, 64],
    "stackwise_num_blocks": [1, 1], "stackwise_num_strides": [1, 2], "image_shape": (16, 16, 3),
}  # fmt: skip

MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "BERT": ("Bert", ENCODER),
    "RoBERTa": ("Roberta", ENCODER),
    "XLM-RoBERTa": ("XLMRoberta", ENCODER),
    "DistilBERT": ("DistilBert", ENCODER),
    "ALBERT": ("Albert", {**ENCODER, "embedding_dim": 8}),
    "ELECTRA": ("Electra", {**{k: v for k, v in ENCODER.items() if k != "vocabulary_size"}, "vocab_size": 20, "embedding_dim": 8}),
    "DeBERTa": ("DebertaV3", {**ENCODER, "bucket_size": 4}),
    "FNet": ("FNet", {**TEXT, "max_sequence_length": 6}),
    "GPT-2": ("GPT2", ENCODER),
    "GPT-NeoX": ("GPTNeoX", ENCODER),
    "OPT": ("OPT", ENCODER),
    "BLOOM": ("Bloom", {**TEXT, "num_heads": 2}),
    "BART": ("Bart", ENCODER),
    "T5": ("T5", {**TEXT, "num_heads": 2}),
    "Falcon": ("Falcon", {**TEXT, "num_attention_heads": 2}),
    "Llama": ("Llama", DECODER),
    "Mistral": ("Mistral", {**DECODER, "sliding_window": 3}),
    "Gemma": ("Gemma", {**DECODER, "head_dim": 4}),
    "Gemma 2": ("Gemma", {
        **DECODER, "head_dim": 4, "use_post_ffw_norm": True, "use_post_attention_norm": True, "attention_logit_soft_cap": 50.0,
        "final_logit_soft_cap": 30.0, "use_sliding_window_attention": True, "sliding_window_size": 4,
    }),
    "Phi-3": ("Phi3", DECODER),
    "Qwen": ("Qwen", DECODER),
    "ViT": ("ViT", {"image_shape": (16, 16, 3), "patch_size": 8, "num_layers": 2, "num_heads": 2, "hidden_dim": 16, "mlp_dim": 24}),
    "ResNet": ("ResNet", {**RESNET, "block_type": "basic_block"}),
    "ResNet v2": ("ResNet", {**RESNET, "block_type": "bottleneck_block", "use_pre_activation": True}),
    "DenseNet": ("DenseNet", {"stackwise_num_repeats": [2, 2], "growth_rate": 4, "image_shape": (32, 32, 3)}),
    "VGG": ("VGG", {"stackwise_num_repeats": [1, 2], "stackwise_num_filters": [4, 8], "image_shape": (16, 16, 3)}),
}  # fmt: skip
"""The class, without the ending `Backbone`, and its arguments, by the name of the model."""


def make(name: str) -> Any:
    """Return a backbone with weights that depend on their order and shapes only."""
    import keras_hub

    cls, arguments = MODELS[name]
    model = getattr(keras_hub.models, f"{cls}Backbone")(**arguments)
    for number, weight in enumerate(model.weights):
        values = np.random.default_rng(number).normal(0, 0.2, weight.shape)
        weight.assign(np.abs(values) + 0.5 if "variance" in weight.path else values)
    return model


def inputs_of(model: Any) -> Any:
    """Return arrays for the inputs of a backbone: two samples."""
    rng = np.random.default_rng(7)
    images = not isinstance(model.input, dict)
    if images:
        return rng.normal(size=(2, *model.input.shape[1:])).astype("float32")
    return {name: _tokens(name, rng) for name in model.input}


def _tokens(name: str, rng: Any) -> Any:
    if "mask" in name:
        return np.array([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]])
    return rng.integers(0, 2 if "segment" in name else 20, (2, 6))


def outputs_of(model: Any, x: Any) -> dict[str, Any]:
    """Return the outputs of a backbone by name, without the steps that are masked."""
    outputs = model.predict(x, verbose=0)
    outputs = outputs if isinstance(outputs, dict) else {"output": outputs}
    return {name: y[:, :4] if y.ndim == 3 and isinstance(x, dict) else y for name, y in outputs.items()}


GENERATORS = [
    "GPT-2",
    "GPT-NeoX",
    "OPT",
    "BLOOM",
    "Falcon",
    "Llama",
    "Mistral",
    "Gemma",
    "Gemma 2",
    "Phi-3",
    "Qwen",
]
"""The models that continue a text."""


def generated(name: str) -> Any:
    """Return the tokens by which a model continues three tokens, each time by the most probable one."""
    import keras_hub

    cls = getattr(keras_hub.models, f"{MODELS[name][0]}CausalLM")
    model = cls(backbone=make(name), preprocessor=None)
    model.compile(sampler="greedy")
    x = {"token_ids": np.array([[3, 4, 5, 0, 0, 0]]), "padding_mask": np.array([[1, 1, 1, 0, 0, 0]])}
    return model.generate(x, stop_token_ids=None)["token_ids"]


def main(path: str) -> None:
    """Write the shapes of the weights, and the outputs, of all models, and generated tokens."""
    arrays: dict[str, Any] = {}
    for name in MODELS:
        model = make(name)
        arrays[f"{name}/shapes"] = np.array(repr([tuple(w.shape) for w in model.weights]))
        arrays |= {f"{name}/{key}": y for key, y in outputs_of(model, inputs_of(model)).items()}
    arrays |= {f"tokens/{name}": generated(name) for name in GENERATORS}
    np.savez(path, **arrays)


if __name__ == "__main__":
    main(sys.argv[1])
