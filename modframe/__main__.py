"""``python -m modframe`` is ``modframe``."""

from .cli import main

if __name__ == "__main__":
    main()
