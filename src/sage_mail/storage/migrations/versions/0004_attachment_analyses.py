"""The analyses of attachments."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of the analyses and of what they find."""
    op.create_table(
        "analyses",
        _message_id(),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        _of_message("analyses"),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_analyses")),
    )
    op.create_index(
        "ix_analyses_pending",
        "analyses",
        ["message_id"],
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_table(
        "attachment_facts",
        _message_id(),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("detected_type", sa.Text(), nullable=True),
        sa.Column("details", sa.JSON(none_as_null=True), nullable=False),
        _of_message("attachment_facts"),
        sa.PrimaryKeyConstraint("message_id", "position", name=op.f("pk_attachment_facts")),
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("attachment_facts")
    op.drop_table("analyses")


def _message_id() -> sa.Column[int]:
    return sa.Column(
        "message_id",
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
        autoincrement=False,
        nullable=False,
    )


def _of_message(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["message_id"],
        ["messages.id"],
        name=op.f(f"fk_{table}_message_id_messages"),
        ondelete="CASCADE",
    )
