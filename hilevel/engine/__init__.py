"""The engine: it executes ops, stores values, differentiates and compiles. All other packages import it."""
