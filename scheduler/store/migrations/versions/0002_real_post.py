"""What the real post needs: attempts and waits, a generation that commands raise, and who may send."""

import sqlalchemy as sa
from alembic import op

from scheduler.store.tables import Instant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _outbox()
    with op.batch_alter_table("state") as state:
        state.add_column(sa.Column("generation", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("state") as state:
        state.alter_column("generation", server_default=None)
    op.create_table(
        "installation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("claimed_at", Instant(), nullable=False),
        sa.Column("claimed_by", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )
    # a database of the first version is no copy: it goes on
    op.execute(
        "INSERT INTO installation (id, claimed_at, claimed_by) SELECT 1, settled_until, 'upgrade' FROM state"
    )


def _outbox() -> None:
    op.drop_index("ix_outbox_state", table_name="outbox")
    with op.batch_alter_table("outbox") as outbox:
        outbox.add_column(sa.Column("next_at", Instant(), nullable=True))
        outbox.add_column(sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"))
        outbox.add_column(sa.Column("first_try_at", Instant(), nullable=True))
        outbox.add_column(sa.Column("reply", sa.String(length=400), nullable=True))
    op.execute("UPDATE outbox SET next_at = due_at")
    with op.batch_alter_table("outbox") as outbox:
        outbox.alter_column("next_at", existing_type=Instant(), nullable=False)
        outbox.alter_column("attempts", existing_type=sa.Integer(), server_default=None)
    op.create_index("ix_outbox_state", "outbox", ["state", "next_at"])
