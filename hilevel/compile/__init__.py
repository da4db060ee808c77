"""Compiled functions: `jit`, and the capture and replay of steps on eager backends."""
