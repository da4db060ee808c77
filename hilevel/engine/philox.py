"""Philox-4x64-10, the counter-based random number generator of hilevel.

Source: J. K. Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011. Word `i` of draw `d` of seed `s`
is a pure function of `(s, d, i)`. So every backend generates the same bits, eagerly or compiled, in any order.
"""

from __future__ import annotations

from typing import Any

from hilevel.engine.types import Array, Function, Namespace

ROUNDS = 10
MULTIPLIERS = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
WEYL = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)


def multiply_high(xp: Namespace, a: Array, b: int) -> Array:
    """Return the upper 64 bits of the 128-bit product, computed from 32-bit halves."""
    low = xp.uint64(0xFFFFFFFF)
    half = xp.uint64(32)
    a0, a1 = a & low, a >> half
    b0, b1 = xp.uint64(b & 0xFFFFFFFF), xp.uint64(b >> 32)
    middle = a1 * b0 + ((a0 * b0) >> half)
    carry = a0 * b1 + (middle & low)
    return a1 * b1 + (middle >> half) + (carry >> half)


def philox_round(xp: Namespace, counter: tuple[Any, ...], key: tuple[Any, Any]) -> tuple[Any, Any]:
    """Return the four counter words and two key words (uint64 arrays) of the next round."""
    (c0, c1, c2, c3), (k0, k1) = counter, key
    m0, m1 = xp.uint64(MULTIPLIERS[0]), xp.uint64(MULTIPLIERS[1])
    high0, high1 = multiply_high(xp, c0, MULTIPLIERS[0]), multiply_high(xp, c2, MULTIPLIERS[1])
    counter = high1 ^ c1 ^ k0, c2 * m1, high0 ^ c3 ^ k1, c0 * m0
    return counter, (k0 + xp.uint64(WEYL[0]), k1 + xp.uint64(WEYL[1]))


def philox_rounds(xp: Namespace, counter: tuple[Any, ...], key: tuple[Any, Any]) -> tuple[Any, ...]:
    """Return the four random words that ten rounds make of four counter words and two key words."""
    for _ in range(ROUNDS):
        counter, key = philox_round(xp, counter, key)
    return counter


def philox_words(
    xp: Namespace, seed: int | Array, draw: int | Array, blocks: int, rounds: Function = philox_rounds
) -> Array:
    """Return `4 * blocks` words of Philox with the counters `(0..blocks-1, draw, 0, 0)` and the key `(seed, 0)`.

    Args:
        xp: an array module with 64-bit unsigned integers.
        seed, draw: integers, or arrays of shape `(1,)`.
        blocks: the number of blocks of four words.
        rounds: a function equivalent to `philox_rounds`, for backends with a faster one.
    """
    index = xp.arange(blocks, dtype=xp.uint64)
    zero = xp.zeros_like(index)
    one = xp.zeros(1, dtype=xp.uint64)
    key = (one + xp.asarray(seed, dtype=xp.uint64), one)
    counter = (index, zero + xp.asarray(draw, dtype=xp.uint64), zero, zero)
    return xp.stack(rounds(xp, counter, key), axis=1).reshape(-1)
