"""What callers write commands with: flags, parts of a message, search criteria."""
