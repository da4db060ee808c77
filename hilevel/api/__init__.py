"""Public names: their loading, their lookup, and the plain data of objects."""
