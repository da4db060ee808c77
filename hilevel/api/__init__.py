"""Public names: how they are loaded, looked up, generated and written as plain data."""
