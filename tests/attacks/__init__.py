"""What was tried to get at an app from outside, class by class; docs/security.md has the table."""
