"""The demo: the whole system on an embedded mail server."""
