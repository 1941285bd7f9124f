"""The sans-IO core: bytes in, facts out. Nothing below this package does IO or knows a clock."""
