"""This workspace as a web application.

For an ASGI server:   uvicorn app:app
As a script:          python app.py     (the same as: modframe serve --port 8000)
"""

from pathlib import Path

import modframe

WORKSPACE = Path(__file__).resolve().parent

if __name__ == "__main__":
    from modframe.cli import main

    main(["serve", "--workspace", str(WORKSPACE), "--port", "8000"])
else:
    app = modframe.create_app(workspace=WORKSPACE)
