"""UID-first IMAP for Python, synchronous and asyncio."""
