"""Control flow, conversion and scattering."""
