"""Training: what `compile` sets up, and the one loop."""
