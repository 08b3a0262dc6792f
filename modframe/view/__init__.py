"""Views: the snapshot of what runs, as text, HTML, JSON and widgets."""
