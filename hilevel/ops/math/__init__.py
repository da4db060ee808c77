"""Mathematical functions beyond those of NumPy."""
