"""Keep pytest out of the stored workspace: its modules are loaded by modframe, never imported."""

collect_ignore = ["shop"]
