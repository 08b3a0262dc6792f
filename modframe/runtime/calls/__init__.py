"""How callers reach a service: a stable `Handle`, the `Call` it gives, and overrides."""
