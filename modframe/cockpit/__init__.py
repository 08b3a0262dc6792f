"""The cockpit: what runs, live, in a notebook's widget and in the browser.

The snapshot comes in; a `Session` tells one front end what has changed of it, and runs what that
asks. `widget` and `page` carry its messages; `front/` draws them. See `session` for the protocol.
"""
