"""Compilation for eager backends: capture, programs, replay."""
