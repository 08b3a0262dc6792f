"""Revisions: the files below a module's ``migrations/versions/`` come in; databases follow them."""
