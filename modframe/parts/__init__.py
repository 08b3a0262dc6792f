"""The aspects of a generation, one each; `modframe.runtime.part` says what shape they have."""
