"""The engine: what runs an op, holds values, differentiates and compiles. Backends and hilevel itself import it."""
