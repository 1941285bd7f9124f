"""From what arrived on a mail server to what is stored, filed and announced."""
