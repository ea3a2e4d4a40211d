"""Answers, addresses of feeds, who is not written to, and how clocks were believed to go."""

import sqlalchemy as sa
from alembic import op

from scheduler.store.tables import Instant

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("told", sa.Column("days", sa.String(length=25), nullable=True))
    op.add_column("told", sa.Column("stamped_at", Instant(), nullable=True))
    op.create_index("ix_told_occurrence", "told", ["occurrence"], unique=False)
    op.add_column("outbox", sa.Column("days", sa.String(length=25), nullable=True))
    op.add_column(
        "outbox", sa.Column("is_uncertain", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column("outbox", sa.Column("tzdata", sa.String(length=20), nullable=True))
    op.drop_index("ix_outbox_contact_id", "outbox")
    op.create_index("ix_outbox_contact_id", "outbox", ["contact_id", "occurrence"], unique=False)
    _what_contacts_say()
    _feed_addresses()
    _clocks()


def _what_contacts_say() -> None:
    op.create_table(
        "answers",
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("occurrence", sa.String(length=200), nullable=False),
        sa.Column("answer", sa.String(length=12), nullable=False),
        sa.Column("given_at", Instant(), nullable=False),
        sa.Column("through", sa.String(length=10), nullable=False),
        sa.Column("starts_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_answers_contact_id")),
        sa.PrimaryKeyConstraint("contact_id", "occurrence", name=op.f("pk_answers")),
    )
    op.create_index("ix_answers_occurrence", "answers", ["occurrence"], unique=False)
    op.create_table(
        "suppressions",
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("scope", sa.String(length=20), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.PrimaryKeyConstraint("address", "scope", name=op.f("pk_suppressions")),
    )


def _feed_addresses() -> None:
    op.create_table(
        "feed_addresses",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(length=100), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("last_used_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_feed_addresses_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed_addresses")),
        sa.UniqueConstraint("digest", name=op.f("uq_feed_addresses_digest")),
        sa.UniqueConstraint("member_id", "label", "generation", name=op.f("uq_feed_addresses_member_id")),
    )
    op.create_index(op.f("ix_feed_addresses_member_id"), "feed_addresses", ["member_id"], unique=False)


def _clocks() -> None:
    op.create_table(
        "clocks",
        sa.Column("tzdata", sa.String(length=20), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("kept_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("tzdata", name=op.f("pk_clocks")),
    )
    op.create_table(
        "clock_changes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("tzdata_before", sa.String(length=20), nullable=False),
        sa.Column("tzdata_now", sa.String(length=20), nullable=False),
        sa.Column("found_at", Instant(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("decision", sa.String(length=12), nullable=True),
        sa.Column("decided_at", Instant(), nullable=True),
        sa.Column("decided_by", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock_changes")),
    )
