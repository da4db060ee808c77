"""Mathematical functions beyond NumPy."""
