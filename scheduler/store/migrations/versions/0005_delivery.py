"""How far a mail has come, which installation a database belongs to, bounces and erasures."""

import sqlalchemy as sa
from alembic import op

from scheduler.store.tables import Instant

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_URGENT = "'reminder', 'report-reminder', 'changed', 'cancelled'"


def upgrade() -> None:
    _outbox()
    op.add_column("configurations", sa.Column("proposed", sa.String(length=64), nullable=True))
    op.add_column("installation", sa.Column("base_url", sa.Text(), nullable=True))
    op.add_column("installation", sa.Column("place", sa.Text(), nullable=True))
    op.add_column("installation", sa.Column("key_proof", sa.String(length=64), nullable=True))
    op.add_column("installation", sa.Column("origin", sa.String(length=40), nullable=True))
    op.add_column("installation", sa.Column("cluster", sa.String(length=40), nullable=True))
    _state()
    _bounces()
    op.create_table(
        "erasures",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("erased_at", Instant(), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_erasures")),
    )


def _state() -> None:
    op.add_column("state", sa.Column("ticked_at", Instant(), nullable=True))
    op.add_column("state", sa.Column("outflow_left", sa.Integer(), server_default="0", nullable=False))
    op.add_column("state", sa.Column("outflow_from", Instant(), nullable=True))
    # until now the engine alone moved it forward, but for commands that put files in force
    op.execute("UPDATE state SET ticked_at = settled_until")


def _outbox() -> None:
    op.add_column("outbox", sa.Column("urgency", sa.Integer(), server_default="1", nullable=False))
    op.add_column("outbox", sa.Column("begun_at", Instant(), nullable=True))
    op.add_column("outbox", sa.Column("crashes", sa.Integer(), server_default="0", nullable=False))
    op.execute(f"UPDATE outbox SET urgency = 0 WHERE kind IN ({_URGENT})")  # noqa: S608 - a constant
    # until now a claim was a beginning
    op.execute("UPDATE outbox SET begun_at = first_try_at WHERE state = 'sending'")
    op.drop_index("ix_outbox_state", "outbox")
    op.create_index("ix_outbox_state", "outbox", ["state", "urgency", "next_at", "id"], unique=False)
    op.create_index("ix_outbox_sent_at", "outbox", ["sent_at"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE outbox SET (fillfactor = 50)")


def _bounces() -> None:
    op.create_table(
        "bounces",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("delivery_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("said", sa.String(length=400), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_bounces_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bounces")),
        sa.UniqueConstraint("digest", name=op.f("uq_bounces_digest")),
    )
    op.create_index("ix_bounces_address", "bounces", ["address", "received_at"], unique=False)
