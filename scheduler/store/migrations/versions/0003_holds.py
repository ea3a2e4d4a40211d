"""What people hold back."""

import sqlalchemy as sa
from alembic import op

from scheduler.store.tables import Instant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "holds",
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("held_by", sa.String(length=200), nullable=False),
        sa.Column("because", sa.String(length=400), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_holds")),
    )
