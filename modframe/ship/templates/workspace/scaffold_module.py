"""Write a new module: python tools/scaffold_module.py --name my_module

The same as ``modframe scaffold`` in this workspace; ``--help`` shows the options.
"""

import os
import sys
from pathlib import Path

from modframe.cli import main

WORKSPACE = Path(__file__).resolve().parents[1]

if __name__ == "__main__":
    os.environ["MODFRAME_WORKSPACE"] = str(WORKSPACE)
    main(["scaffold", *sys.argv[1:]])
