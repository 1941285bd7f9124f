"""The mail-automation system on top of `sage_imap`."""
