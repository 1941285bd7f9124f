"""Every IMAP conversation, once: generators of effects, without IO and without a clock."""
