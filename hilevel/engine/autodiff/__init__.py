"""Automatic differentiation: the tape, and transformations of functions."""
