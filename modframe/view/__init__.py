"""Views: the snapshot of what runs, and what text, HTML and widgets make of it."""
