"""What keeps private things private."""
