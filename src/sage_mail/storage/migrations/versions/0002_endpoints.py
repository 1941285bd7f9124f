"""Endpoints that can be disabled; deliveries that know their account and can be replayed.

Columns are added in place, without Alembic's batch mode: on SQLite that would copy the table and
drop the old one, and the drop would take the attempts of all deliveries along with it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of the endpoints, and give deliveries their accounts."""
    op.create_table(
        "endpoints",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_failure_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_endpoints")),
    )
    op.add_column(
        "deliveries", sa.Column("account", sa.Text(), nullable=False, server_default=sa.text("''"))
    )
    op.add_column(
        "deliveries",
        sa.Column("earlier_attempts", sa.Integer(), nullable=False, server_default=sa.text("0")),
    )
    op.execute(
        "UPDATE deliveries SET account = "
        "(SELECT events.account FROM events WHERE events.seq = deliveries.event_seq)"
    )
    op.create_index(
        "ix_deliveries_order",
        "deliveries",
        ["endpoint", "status", "account", "event_seq"],
        unique=False,
    )


def downgrade() -> None:
    """Forget which endpoints were disabled, and what was replayed."""
    op.drop_index("ix_deliveries_order", "deliveries")
    op.drop_column("deliveries", "earlier_attempts")
    op.drop_column("deliveries", "account")
    op.drop_table("endpoints")
