"""Random numbers that are the same on every backend, eagerly and compiled.

The generator is Philox-4x64-10 (`hilevel.engine.philox`). What is drawn depends on the seed, on how many draws the
`SeedGenerator` has made, and on nothing else. Bits, integers, uniform floats and choices are equal bit for bit on every
backend; normal numbers up to the last digits of a logarithm.
"""

from hilevel.api.lazy import attach_stub as _attach_stub

_attach_stub(__name__)
