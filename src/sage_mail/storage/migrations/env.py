"""Runs the migrations on the connection that it is given, inside the caller's transaction.

The caller holds the lock and commits, so a step that fails leaves the database as it was, on SQLite
too, whose DDL is transactional as well.
"""

from alembic import context

from sage_mail.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
