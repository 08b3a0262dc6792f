"""Views: the snapshot of what runs, as text, HTML and JSON."""
