"""Attention: `name: (class, arguments, inputs, arguments of the call, exactness, whether inputs are an argument each)`."""

from __future__ import annotations

from typing import Any

from layer_cases import mask

TWO = [(2, 3, 4), (2, 5, 4)]
THREE = [(2, 3, 4), (2, 5, 6), (2, 5, 4)]
MASKS = {"mask": [mask(2, 3), mask(2, 5)]}
SCORES = {"return_attention_scores": True}
CAUSAL = {"use_causal_mask": True}


def plain(arguments: dict[str, Any], inputs: Any, call: dict[str, Any], cls: str = "Attention") -> Any:
    return cls, arguments, inputs, call


def heads(arguments: dict[str, Any], inputs: Any, call: dict[str, Any]) -> Any:
    return "MultiHeadAttention", {"num_heads": 2, "key_dim": 3, **arguments}, inputs, call, 1e-5, True


def groups(arguments: dict[str, Any], inputs: Any, call: dict[str, Any]) -> Any:
    sizes = {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}
    return "GroupQueryAttention", {**sizes, **arguments}, inputs, call, 1e-5, True


CASES: dict[str, Any] = {
    "dot": plain({}, TWO, {}),
    "dot scale key": plain({"use_scale": True}, THREE, {}),
    "dot masks": plain({}, TWO, MASKS),
    "dot causal masks scores": plain({"use_scale": True}, TWO, {**MASKS, **CAUSAL, **SCORES}),
    "dot value mask": plain({}, TWO, {"mask": [None, mask(2, 5)], **CAUSAL}),
    "dot dropout at rest": plain({"dropout": 0.3, "seed": 1}, TWO, {}),
    "concat": plain({"score_mode": "concat"}, THREE, {}),
    "concat scale masks scores": plain({"score_mode": "concat", "use_scale": True}, TWO, {**MASKS, **SCORES}),
    "additive": plain({}, TWO, {}, "AdditiveAttention"),
    "additive no scale": plain({"use_scale": False}, THREE, CAUSAL, "AdditiveAttention"),
    "additive masks scores": plain({}, TWO, {**MASKS, **SCORES}, "AdditiveAttention"),
    "heads": heads({}, TWO, {}),
    "heads key": heads({}, THREE, {}),
    "heads no bias causal": heads({"use_bias": False}, TWO, CAUSAL),
    "heads scores": heads({"value_dim": 5}, THREE, SCORES),
    "heads masks": heads({}, THREE, {"value_mask": mask(2, 5), "key_mask": mask(2, 5)}),
    "heads masks causal scores": heads({}, TWO, {"value_mask": mask(2, 5), **CAUSAL, **SCORES}),
    "heads attention mask": heads({}, TWO, {"attention_mask": mask(2, 3, 5), "value_mask": mask(2, 5)}),
    "heads attention mask for each": heads({}, TWO, {"attention_mask": mask(2, 2, 3, 5), **CAUSAL, **SCORES}),
    "heads window": heads({"sliding_window": 2}, TWO, CAUSAL),
    "heads gate": heads({"use_gate": True, "value_dim": 5}, TWO, SCORES),
    "heads dropout at rest": heads(
        {"dropout": 0.3, "seed": 1}, TWO, {"attention_mask": mask(2, 3, 5), "value_mask": mask(2, 5)}
    ),
    "heads output": heads({"output_shape": 7}, TWO, {}),
    "heads output of two axes": heads({"output_shape": (2, 3)}, TWO, {}),
    "heads over two axes": heads({}, [(2, 2, 3, 4), (2, 3, 2, 4)], SCORES),
    "heads over two axes mask": heads({}, [(2, 2, 2, 4), (2, 3, 2, 4)], {"attention_mask": mask(2, 2, 2, 3, 2)}),
    "heads over the first axis": heads({"attention_axes": 1}, [(2, 3, 2, 4), (2, 5, 2, 4)], {**CAUSAL, **SCORES}),
    "heads over the last axis": heads(
        {"attention_axes": (-2,)}, [(2, 2, 3, 4), (2, 2, 5, 4)], {"attention_mask": mask(2, 2, 1, 3, 5)}
    ),
    "groups": groups({}, TWO, {}),
    "groups of one no bias": groups({"num_key_value_heads": 1, "use_bias": False}, THREE, CAUSAL),
    "groups masks": groups({"use_gate": True}, TWO, {"query_mask": mask(2, 3), "value_mask": mask(2, 5)}),
    "groups masks scores": groups(
        {}, TWO, {"query_mask": mask(2, 3), "attention_mask": mask(2, 3, 5), **CAUSAL, **SCORES}
    ),
    "groups window": groups({"sliding_window": 2, "dropout": 0.2}, TWO, {}),
}  # fmt: skip
