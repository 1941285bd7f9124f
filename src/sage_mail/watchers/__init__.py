"""Keeping an eye on the accounts: connections, IDLE, polling, back-off."""
