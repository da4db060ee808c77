"""The engine: it executes ops, stores values, differentiates and compiles. Backends and the rest of hilevel import it."""
