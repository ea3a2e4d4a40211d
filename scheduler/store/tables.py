"""The tables. The migrations make them; a test holds the two together."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
)


class Instant(TypeDecorator[datetime]):
    """Takes and gives aware UTC datetimes only; SQLite would give naive ones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise TypeError(f"an aware instant is needed, not {value!r}")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        at: datetime = value
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


#: Tables that every version of this program has: what has them is a database of ours.
OURS = frozenset({"alembic_version", "configurations", "outbox", "state"})

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: One row: what the engine knows of itself.
state = Table(
    "state",
    metadata,
    Column("id", Integer, primary_key=True),
    # everything due before this instant has been handled
    Column("settled_until", Instant, nullable=False),
    # raised by every command that decides something; a running service looks at it once a second
    Column("generation", Integer, nullable=False),
    # when a service looked at what is due for the last time, or a person decided on it; None: none ever did
    Column("ticked_at", Instant),
    # how many mails may be claimed before those that left within an hour are counted again, and since when
    # they are counted, where a person has let more of them go
    Column("outflow_left", Integer, nullable=False, server_default="0"),
    Column("outflow_from", Instant),
)

#: One row: this database may send. A backup is made without it, so that a copy is born held.
installation = Table(
    "installation",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("claimed_at", Instant, nullable=False),
    Column("claimed_by", String(200), nullable=False),
    # which installation it belongs to: how the world reaches it, and where its database is, without secrets.
    # None: not written down yet
    Column("base_url", Text),
    Column("place", Text),
    # proof of the key that signs its links: HMAC-SHA-256 in hexadecimal, which says nothing of the key
    Column("key_proof", String(64)),
    # of PostgreSQL: the numbers of the database and of this table, which a dump does not keep, and that of
    # the cluster
    Column("origin", String(40)),
    Column("cluster", String(40)),
)

#: What was and is in force: the latest row is. Files are a proposal.
configurations = Table(
    "configurations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("hash", String(64), nullable=False),
    # of the configuration that it replaced
    Column("replaces", String(64)),
    # of what the files alone said, without what was kept of the one before; None: not written down then
    Column("proposed", String(64)),
    Column("content", Text, nullable=False),
    Column("applied_at", Instant, nullable=False),
    Column("applied_by", String(200), nullable=False),
    # the release of the tz database that its instants were computed with
    Column("tzdata", String(20), nullable=False),
)

members = Table(
    "members",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("slug", String(100), nullable=False, unique=True),
    # False: no longer in members.csv; the row stays, because what was sent points to it
    Column("is_listed", Boolean, nullable=False),
)

contacts = Table(
    "contacts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("member_id", ForeignKey("members.id"), nullable=False, index=True),
    Column("role", String(40), nullable=False),
    Column("address", String(320), nullable=False),
    Column("name", String(400), nullable=False),
    Column("is_listed", Boolean, nullable=False),
    UniqueConstraint("member_id", "role", "address"),
)

#: How often an occurrence changed in a way that calendars must know, and when last.
revisions = Table(
    "revisions",
    metadata,
    Column("occurrence", String(200), primary_key=True),
    Column("sequence", Integer, nullable=False),
    # hashes of what raises SEQUENCE, and of all that shows
    Column("significant", String(64), nullable=False),
    Column("visible", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("significant_at", Instant, nullable=False),
    # when it starts, and when it was to start before that changed
    Column("starts_at", Instant),
    Column("started_at", Instant),
    Column("changed_at", Instant, nullable=False),
)

#: Since when each rule of each series and cycle is as it is.
rules = Table(
    "rules",
    metadata,
    Column("owner", String(200), primary_key=True),
    Column("rule", String(100), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("since", Instant, nullable=False),
)

#: What each contact was last told of an occurrence.
told = Table(
    "told",
    metadata,
    Column("contact_id", ForeignKey("contacts.id"), primary_key=True),
    Column("occurrence", String(200), primary_key=True),
    Column("uid", String(320), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("method", String(10), nullable=False),
    Column("starts_at", Instant),
    Column("ends_at", Instant),
    Column("status", String(20), nullable=False),
    Column("place", Text, nullable=False),
    # of a session without an hour; None where that was not written down yet
    Column("days", String(25)),
    Column("told_at", Instant, nullable=False),
    # DTSTAMP of the calendar it was told with; the next one is later
    Column("stamped_at", Instant),
    Index("ix_told_occurrence", "occurrence"),
)

#: What each contact answered to an invitation; the latest word counts.
answers = Table(
    "answers",
    metadata,
    Column("contact_id", ForeignKey("contacts.id"), primary_key=True),
    Column("occurrence", String(200), primary_key=True),
    # accepted, tentative, declined
    Column("answer", String(12), nullable=False),
    Column("given_at", Instant, nullable=False),
    # "page" or "mail"
    Column("through", String(10), nullable=False),
    # what the session was when it was answered: an answer is to an hour
    Column("starts_at", Instant),
    Index("ix_answers_occurrence", "occurrence"),
)

#: Addresses that are not written to any more, by what they do not get.
suppressions = Table(
    "suppressions",
    metadata,
    # in small letters
    Column("address", String(320), primary_key=True),
    # "webinars": duties still reach it; "everything": nothing does
    Column("scope", String(20), primary_key=True),
    Column("since", Instant, nullable=False),
    # in words for staff
    Column("reason", String(400), nullable=False),
)

#: What mail servers sent back: one row for each report that was taken in.
bounces = Table(
    "bounces",
    metadata,
    Column("id", Integer, primary_key=True),
    # SHA-256 of the report in hexadecimal: the same one taken in twice counts once
    Column("digest", String(64), nullable=False, unique=True),
    Column("contact_id", ForeignKey("contacts.id"), nullable=False),
    # row of the outbox; it may have been pruned since
    Column("delivery_id", Integer, nullable=False),
    # in small letters
    Column("address", String(320), nullable=False),
    # hard, soft, policy, complaint; settled: the address is written to again, and it counts no more
    Column("kind", String(12), nullable=False),
    # RFC 3463, "5.1.1"; empty for a complaint, and where there is none
    Column("status", String(12), nullable=False),
    # the mail server's words, without addresses
    Column("said", String(400), nullable=False),
    Column("received_at", Instant, nullable=False),
    Index("ix_bounces_address", "address", "received_at"),
)

#: Addresses that were erased: they do not come back from members.csv.
erasures = Table(
    "erasures",
    metadata,
    # HMAC-SHA-256 of the address in small letters with the installation's key, and a mark of that key
    Column("digest", String(64), primary_key=True),
    Column("erased_at", Instant, nullable=False),
    Column("reason", String(400), nullable=False),
)

#: The secret addresses of feeds that deserve a row: renewed, added, ended or used. A city's first address is
#: there without one.
feed_addresses = Table(
    "feed_addresses",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("member_id", ForeignKey("members.id"), nullable=False, index=True),
    # empty for the address that mails print; else whom it was given to, "mayor's office"
    Column("label", String(100), nullable=False),
    Column("generation", Integer, nullable=False),
    # SHA-256 of the path in hexadecimal: the database alone cannot print it
    Column("digest", String(64), nullable=False, unique=True),
    Column("created_at", Instant, nullable=False),
    Column("created_by", String(200), nullable=False),
    # renewed or revoked: from then on it answers like any unknown address
    Column("ended_at", Instant),
    # by day only: who reads when is nobody's business
    Column("last_used_on", Date),
    UniqueConstraint("member_id", "label", "generation"),
)

#: How the clocks of the members' zones were believed to go, by release of the tz database.
clocks = Table(
    "clocks",
    metadata,
    Column("tzdata", String(20), primary_key=True),
    # zone -> its changes, as model/clocks.py writes them
    Column("content", Text, nullable=False),
    Column("kept_at", Instant, nullable=False),
)

#: What a new release of the tz database moved, and who let it be told.
clock_changes = Table(
    "clock_changes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("tzdata_before", String(20), nullable=False),
    Column("tzdata_now", String(20), nullable=False),
    Column("found_at", Instant, nullable=False),
    # which sessions moved in UTC, and how the clocks were believed to go, as model/clocks.py writes them
    Column("content", Text, nullable=False),
    # released, dismissed, replaced (by what a later release moved); None while it waits for a person
    Column("decision", String(12)),
    Column("decided_at", Instant),
    Column("decided_by", String(200)),
)

#: What is being and was sent: one row for each notice, never before its slot fires.
outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    # occurrence, rule, contact, and what the words rest on
    Column("notice_key", String(600), nullable=False, unique=True),
    Column("message_id", String(700), nullable=False, unique=True),
    Column("contact_id", ForeignKey("contacts.id"), nullable=False),
    Column("occurrence", String(200), nullable=False, index=True),
    Column("rule", String(100), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("uid", String(320), nullable=False),
    # of the calendar inside; None for a mail without one
    Column("method", String(10)),
    Column("sequence", Integer, nullable=False),
    # what the words rest on: when it no longer holds, the row is withdrawn
    Column("starts_at", Instant),
    Column("ends_at", Instant),
    Column("status", String(20), nullable=False),
    Column("place", Text, nullable=False),
    Column("days", String(25)),
    Column("due_at", Instant, nullable=False),
    Column("useful_by", Instant, nullable=False),
    # DTSTAMP of the calendar inside
    Column("inserted_at", Instant, nullable=False),
    # queued, sending, sent, deferred, failed, missed, withdrawn, held
    Column("state", String(12), nullable=False),
    # what cannot wait goes first: 0, then 1
    Column("urgency", Integer, nullable=False, server_default="1"),
    # in words for staff; empty while all is well
    Column("reason", String(400), nullable=False),
    Column("claim_token", String(40)),
    Column("claim_until", Instant),
    # from here on the mail server may have it, and nobody else but this claim begins it
    Column("begun_at", Instant),
    # how often a process died while it wrote this mail
    Column("crashes", Integer, nullable=False, server_default="0"),
    # not before this instant; how often the mail server answered "later", since when, and its last words
    Column("next_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("first_try_at", Instant),
    # the line broke after the mail was handed over: it may have arrived
    Column("is_uncertain", Boolean, nullable=False, server_default=false()),
    Column("reply", String(400)),
    Column("sent_at", Instant),
    # where the mailbox or the mail server put it, and the zone whose hours it says
    Column("receipt", String(400)),
    Column("zone", String(60)),
    # the release of the tz database that its hours were computed with
    Column("tzdata", String(20)),
    # the lines of those that wait, in the order in which they are claimed; and who is in which other state
    Index("ix_outbox_state", "state", "urgency", "next_at", "id"),
    # how many left in an hour; what is old enough to be pruned
    Index("ix_outbox_sent_at", "sent_at"),
    # what passed between us and one contact about one occurrence
    Index("ix_outbox_contact_id", "contact_id", "occurrence"),
    # a row changes three times before it is sent: with room on its page it need not move each time
    postgresql_with={"fillfactor": 50},
)

#: One member in one cycle: who must report, how far it is, how it ended.
cases = Table(
    "cases",
    metadata,
    Column("cycle", String(200), primary_key=True),
    Column("member_id", ForeignKey("members.id"), primary_key=True),
    # as in model/cases.py, and since when
    Column("state", String(20), nullable=False),
    Column("since", Instant, nullable=False),
    # when the round begins there, and its own last moment
    Column("opens_at", Instant, nullable=False),
    Column("deadline_at", Instant, nullable=False),
    # SEQUENCE of the deadline in calendars, and when it was last moved
    Column("revision", Integer, nullable=False),
    Column("revised_at", Instant),
    # "due" or "excepted" where a person has decided that
    Column("decision", String(20)),
    Column("submitted_at", Instant),
    # what the last export of the survey told of the draft, as JSON
    Column("draft", Text),
    # its code, where the survey has made it; else it is worked out of the installation's key
    Column("code", String(100)),
    # how many letters were caused by what was said of it: each has a key of its own
    Column("letters", Integer, nullable=False, server_default="0"),
    # when its last letter was released, and the last day of the membership that ends with it
    Column("released_at", Instant),
    Column("ends_on", Date),
    Index("ix_cases_state", "state"),
    Index("ix_cases_member_id", "member_id"),
)

#: What was said and done about each case, in order; rows are only ever added.
case_log = Table(
    "case_log",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("cycle", String(200), nullable=False),
    Column("member_id", ForeignKey("members.id"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("actor", String(200), nullable=False),
    # the states before and after; empty before the first, equal where it only moved in time
    Column("before", String(20), nullable=False),
    Column("after", String(20), nullable=False),
    # in words for staff
    Column("reason", Text, nullable=False),
    # of a letter that was released: what it says
    Column("letter", Text),
    Index("ix_case_log_member_id", "member_id", "cycle"),
)

#: What programs asked for over HTTP, by the key that makes a repetition harmless.
requests = Table(
    "requests",
    metadata,
    # SHA-256 in hexadecimal: of who asked and of the key; of what was asked
    Column("digest", String(64), primary_key=True),
    Column("content", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("answer", Text, nullable=False),
    Column("at", Instant, nullable=False),
)

#: What people hold back: nothing leaves for it until they let it go.
holds = Table(
    "holds",
    metadata,
    # a session, a series or round, EVERYTHING, or BUT_REMINDERS
    Column("subject", String(200), primary_key=True),
    Column("since", Instant, nullable=False),
    Column("held_by", String(200), nullable=False),
    # in staff's words; may be empty
    Column("because", String(400), nullable=False),
)

#: Decisions and what the service did by itself, in order; rows are only ever added.
journal = Table(
    "journal",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("action", String(60), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("detail", Text, nullable=False),
)
