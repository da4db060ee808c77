"""Training: data, steps, losses and metrics of outputs, and the loops over batches."""
