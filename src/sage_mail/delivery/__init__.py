"""Events and their way out: the outbox, webhooks, signatures, retries."""
