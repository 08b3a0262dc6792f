"""Rows in bulk: from one database to another, into files and back, and into a table."""
