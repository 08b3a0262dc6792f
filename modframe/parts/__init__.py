"""The aspects of a generation, one folder or file each; `modframe.runtime.part` says their shape."""
