"""A results desk: reads a tournament's results from a JSON address and proposes what happened for a venue's events."""
