"""The types a module can be of; apart, since the finder of plain names is imported at once."""

MODULE_TYPES = ("core", "standard", "extensions")
