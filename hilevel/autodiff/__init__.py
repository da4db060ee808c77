"""Automatic differentiation: the tape, and the functions that take derivatives."""
