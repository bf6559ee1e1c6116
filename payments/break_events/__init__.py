"""What becomes of a break that nobody settles, and what is kept of matches that were undone."""
