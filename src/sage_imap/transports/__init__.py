"""The IO: what a shell fulfils an operation's wishes with."""
