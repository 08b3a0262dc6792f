"""Check modules: python tools/compliance/compliance.py validate --module standard.my_module

The same as ``modframe compliance`` in this workspace; ``--help`` shows the options.
"""

import os
import sys
from pathlib import Path

from modframe.cli import main

WORKSPACE = Path(__file__).resolve().parents[2]

if __name__ == "__main__":
    os.environ["MODFRAME_WORKSPACE"] = str(WORKSPACE)
    main(["compliance", *sys.argv[1:]])
