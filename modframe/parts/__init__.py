"""The parts of a generation, one aspect each; `modframe.runtime.part` says what a part is."""
