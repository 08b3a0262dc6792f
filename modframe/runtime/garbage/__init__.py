"""What stays in memory: a rarer collector, finalizers that block, and who holds what has ended."""
