"""What operations reads."""
