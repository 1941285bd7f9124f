"""The steps from one schema to the next, applied by `sage_mail.storage.schema`."""
