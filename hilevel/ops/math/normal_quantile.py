"""The quantile function of the normal distribution. M. J. Wichura, "Algorithm AS 241", 1988."""

from __future__ import annotations

from hilevel.engine.types import Array, Namespace


def normal_quantile(xp: Namespace, p: Array) -> Array:
    """Return the quantile of the standard normal distribution for `p` in (0, 1), to 16 digits."""
    return _quantile(xp, p - 0.5, xp.where(p < 0.5, p, 1 - p))


def quantile_from_median(xp: Namespace, q: Array) -> Array:
    """Return the quantile for `0.5 + q`, to full precision for `q` near 0."""
    return _quantile(xp, q, 0.5 - xp.abs(q))


def _quantile(xp: Namespace, q: Array, tail: Array) -> Array:
    """Return the quantile for `0.5 + q`. `tail` is the probability of the nearer tail."""
    r = 0.180625 - q * q
    centre = q * _ratio(xp.maximum(r, 0), _CENTRE)
    root = xp.sqrt(-xp.log(tail))
    side = xp.where(root <= 5, _ratio(root - 1.6, _NEAR), _ratio(root - 5.0, _FAR))
    return xp.where(xp.abs(q) <= 0.425, centre, xp.sign(q) * side).astype(q.dtype)


def _ratio(x: Array, coefficients: tuple[tuple[float, ...], tuple[float, ...]]) -> Array:
    above, below = (_horner(x, c) for c in coefficients)
    return above / below


def _horner(x: Array, coefficients: tuple[float, ...]) -> Array:
    y = coefficients[-1] * x + coefficients[-2]
    for c in coefficients[-3::-1]:
        y = y * x + c
    return y


_CENTRE = (
    (3.3871328727963666080, 133.14166789178437745, 1971.5909503065514427, 13731.693765509461125,
     45921.953931549871457, 67265.770927008700853, 33430.575583588128105, 2509.0809287301226727),
    (1.0, 42.313330701600911252, 687.18700749205790830, 5394.1960214247511077, 21213.794301586595867,
     39307.895800092710610, 28729.085735721942674, 5226.4952788528545610),
)  # fmt: skip
_NEAR = (
    (1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550, 3.64784832476320460504,
     1.27045825245236838258, 0.241780725177450611770, 0.0227238449892691845833, 7.74545014278341407640e-4),
    (1.0, 2.05319162663775882187, 1.67638483018380384940, 0.689767334985100004550,
     0.148103976427480074590, 0.0151986665636164571966, 5.47593808499534494600e-4,
     1.05075007164441684324e-9),
)  # fmt: skip
_FAR = (
    (6.65790464350110377720, 5.46378491116411436990, 1.78482653991729133580, 0.296560571828504891230,
     0.0265321895265761230930, 0.00124266094738807843860, 2.71155556874348757815e-5,
     2.01033439929228813265e-7),
    (1.0, 0.599832206555887937690, 0.136929880922735805310, 0.0148753612908506148525,
     7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
     2.04426310338993978564e-15),
)  # fmt: skip
