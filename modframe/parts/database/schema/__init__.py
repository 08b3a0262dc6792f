"""Schemas of module databases: models come in; what is added, refused or taken back goes out."""
