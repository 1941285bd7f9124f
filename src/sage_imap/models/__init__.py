"""What the library hands to its callers: messages, envelopes, structures, results."""
