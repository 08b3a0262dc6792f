"""How callers reach a service: a stable `Handle`, the `Call` that it returns, and overrides."""
