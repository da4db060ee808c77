"""Hashes of strings, equal on every machine and in every version."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hilevel.layers.base.checks import bad_setting, integers

_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
_CROSS = 0xC6A4A7935BD1E995
_ALL = (1 << 64) - 1


def bucket(text: bytes, number: int, salt: Sequence[int] | None) -> int:
    """Return the bucket of bytes, below `number`: by FarmHash64, or with a salt by SipHash64.

    >>> from hilevel.layers.preprocessing.hashes import bucket
    >>> bucket(b"A", 3, None), bucket(b"B", 3, (133, 137))
    (1, 2)
    """
    return (fingerprint64(text) if salt is None else siphash64(text, (salt[0], salt[1]))) % number


def salt_pair(layer: str, salt: int | Sequence[int] | None) -> tuple[int, int] | None:
    """Return a salt as two integers; a single integer is used twice."""
    if salt is None:
        return None
    found = integers(layer, "salt", salt)
    pair = (found, found) if isinstance(found, int) else found
    if len(pair) != 2:
        raise bad_setting(layer, "salt", "an integer, or two of them", salt)
    return pair[0], pair[1]


def fingerprint64(text: bytes) -> int:
    """Return the FarmHash64 of bytes, an unsigned integer of 64 bits: Fingerprint64 of G. Pike, FarmHash, 2014.

    >>> from hilevel.layers.preprocessing.hashes import fingerprint64
    >>> fingerprint64(b"a") % 1000
    939
    """
    n = len(text)
    if n <= 16:
        return _hash_to_16(text, n)
    if n <= 32:
        return _hash_to_32(text, n)
    return _hash_to_64(text, n) if n <= 64 else _hash_long(text, n)


def crossed(hashes: Iterable[int]) -> int:
    """Return the hash of a sequence of integers of 64 bits: FingerprintCat64 of TensorFlow, with its default key.

    >>> from hilevel.layers.preprocessing.hashes import crossed, fingerprint64
    >>> crossed([fingerprint64(b"A"), 101]) % 1000
    891
    """
    found = 0xDECAFCAFFE
    for value in hashes:
        found = found ^ _CROSS ^ _shift_mix(value * _CROSS) * _CROSS & _ALL
        found = _shift_mix(_shift_mix(found * _CROSS) * _CROSS)
    return found


def _word(s: bytes, at: int, size: int = 8) -> int:
    return int.from_bytes(s[at : at + size], "little")


def _rotate_right(x: int, by: int) -> int:
    x &= _ALL
    return (x >> by | x << (64 - by)) & _ALL


def _shift_mix(x: int) -> int:
    x &= _ALL
    return x ^ x >> 47


def _hash_pair(u: int, v: int, by: int) -> int:
    """Return the hash of two integers."""
    a = _shift_mix(((u ^ v) & _ALL) * by)
    return _shift_mix(((v ^ a) & _ALL) * by) * by & _ALL


def _hash_to_16(s: bytes, n: int) -> int:
    by = _K2 + 2 * n
    if n >= 8:
        a, b = _word(s, 0) + _K2, _word(s, n - 8)
        return _hash_pair(_rotate_right(b, 37) * by + a, (_rotate_right(a, 25) + b) * by, by)
    if n >= 4:
        return _hash_pair(n + (_word(s, 0, 4) << 3), _word(s, n - 4, 4), by)
    if n == 0:
        return _K2
    y, z = s[0] + (s[n >> 1] << 8), n + (s[n - 1] << 2)
    return _shift_mix(y * _K2 & _ALL ^ z * _K0 & _ALL) * _K2 & _ALL


def _hash_ends(s: bytes, n: int, first: int) -> tuple[int, int, int]:
    """Return intermediate hashes of the first and the last 16 bytes."""
    by = _K2 + 2 * n
    a, b = _word(s, 0) * first, _word(s, 8)
    c, d = _word(s, n - 8) * by, _word(s, n - 16) * _K2
    return a, _rotate_right(a + b, 43) + _rotate_right(c, 30) + d, a + _rotate_right(b + _K2, 18) + c


def _hash_to_32(s: bytes, n: int) -> int:
    _, y, z = _hash_ends(s, n, _K1)
    return _hash_pair(y, z, _K2 + 2 * n)


def _hash_to_64(s: bytes, n: int) -> int:
    by = _K2 + 2 * n
    a, y, z = _hash_ends(s, n, _K2)
    z = _hash_pair(y, z, by)
    e, f = _word(s, 16) * by, _word(s, 24)
    g, h = (y + _word(s, n - 32)) * by, (z + _word(s, n - 24)) * by
    return _hash_pair(
        _rotate_right(e + f, 43) + _rotate_right(g, 30) + h, e + _rotate_right(f + a, 18) + g, by
    )


def _weak_hash(s: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    """Return two integers for 32 bytes and two integers."""
    w, x, y, z = (_word(s, at + i) for i in (0, 8, 16, 24))
    a += w
    b = _rotate_right(b + a + z, 21)
    c = a
    a += x + y
    return (a + z) & _ALL, (b + _rotate_right(a, 44) + c) & _ALL


class _State:
    """The state of the hash between blocks of 64 bytes."""

    def __init__(self, first: int) -> None:
        self.y = 81 * _K1 + 113
        self.z = _shift_mix(self.y * _K2 + 113) * _K2 & _ALL
        self.x = 81 * _K2 + first
        self.v = self.w = (0, 0)

    def update(self, s: bytes, at: int, by: int, weight: int) -> None:
        """Update the state by the 64 bytes from a position."""
        (v0, v1), (w0, w1) = self.v, self.w
        x = _rotate_right(self.x + self.y + v0 + _word(s, at + 8), 37) * by & _ALL
        y = _rotate_right(self.y + v1 + _word(s, at + 48), 42) * by
        x ^= w1 * weight & _ALL
        y += v0 * weight + _word(s, at + 40)
        z = _rotate_right(self.z + w0, 33) * by
        self.v = _weak_hash(s, at, v1 * by, x + w0)
        self.w = _weak_hash(s, at + 32, z + w1, y + _word(s, at + 16))
        self.x, self.y, self.z = z & _ALL, y & _ALL, x


def _hash_long(s: bytes, n: int) -> int:
    state, end = _State(_word(s, 0)), (n - 1) // 64 * 64
    for at in range(0, end, 64):
        state.update(s, at, _K1, 1)
    by = _K1 + ((state.z & 0xFF) << 1)
    w0 = state.w[0] + (n - 1 & 63)
    v0 = state.v[0] + w0
    state.v, state.w = (v0, state.v[1]), (w0 + v0, state.w[1])
    state.update(s, n - 64, by, 9)
    (v0, v1), (w0, w1) = state.v, state.w
    return _hash_pair(
        _hash_pair(v0, w0, by) + _shift_mix(state.y) * _K0 + state.z, _hash_pair(v1, w1, by) + state.x, by
    )


def siphash64(text: bytes, key: tuple[int, int]) -> int:
    """Return the SipHash-2-4 of bytes with a key of two integers. Aumasson and Bernstein, "SipHash", 2012.

    >>> from hilevel.layers.preprocessing.hashes import siphash64
    >>> siphash64(b"A", (133, 137)) % 3
    1
    """
    words = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
    v = [word ^ key[i % 2] & _ALL for i, word in enumerate(words)]
    padded = text + bytes(-(len(text) + 1) % 8) + bytes([len(text) & 0xFF])
    for at in range(0, len(padded), 8):
        word = _word(padded, at)
        v[3] ^= word
        v = _round(_round(v))
        v[0] ^= word
    v[2] ^= 0xFF
    for _ in range(4):
        v = _round(v)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _round(v: list[int]) -> list[int]:
    a, b, c, d = v
    a, c = (a + b) & _ALL, (c + d) & _ALL
    b, d = _rotate_right(b, 51) ^ a, _rotate_right(d, 48) ^ c
    a, c = (_rotate_right(a, 32) + d) & _ALL, (c + b) & _ALL
    b, d = _rotate_right(b, 47) ^ c, _rotate_right(d, 43) ^ a
    return [a, b, _rotate_right(c, 32), d]
