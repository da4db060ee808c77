"""Random numbers that are the same on every backend, eagerly and compiled.

The generator is Philox-4x64-10 (`hilevel.engine.philox`). The values depend only on the seed and on the number of
draws that the `SeedGenerator` has made. Bits, integers, uniform floats and choices are equal bit for bit on every
backend. Normal values are equal up to the last digits of a logarithm.
"""

from hilevel.api.lazy import attach_stub as _attach_stub

_attach_stub(__name__)
