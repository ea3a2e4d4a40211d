"""Where in its file a session, a rule or a key stands: what a finding points at once everything is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from scheduler.configuration.document import Document, Node
from scheduler.configuration.problems import Place
from scheduler.model.series import Session


@dataclass(frozen=True)
class Landmarks:
    """One file of a series or a cycle."""

    document: Document

    def session(self, session: Session, *keys: str) -> Place:
        """The value of the first of these keys that the session writes; else where the session stands.

        Of a session by rule that is its line in `move` or `details`, else the rule itself.
        """
        node = self._listed.get(session.id) or self._detailed.get(session.id)
        written = node.entries or {} if node else {}
        for key in keys:
            if key in written:
                return written[key][1].place
        if session.id in self._listed:
            return self._listed[session.id].place
        for key in ("move", "details"):
            if self.document.has(key, session.id):
                return self.document.place_of_key(key, session.id)
        return self.document.place("every")

    def speaker(self, session: Session, item: int, speaker: int) -> Place:
        """The city of a speaker of an item; both count from 0."""
        node = self._listed.get(session.id) or self._detailed.get(session.id)
        if node is None:
            return self.session(session)
        return Document(self.document.file, node).place("programme", item, "speakers", speaker, "city")

    def rule(self, rule_id: str, otherwise: str) -> Place:
        """A reminder that the file writes itself; else a key of the file."""
        if self.document.has("notices", "reminders", rule_id):
            return self.document.place_of_key("notices", "reminders", rule_id)
        return self.document.place(otherwise)

    @cached_property
    def _listed(self) -> Mapping[str, Node]:
        """id of a session -> its node."""
        sessions = self.document.node("sessions")
        return {_id(node): node for node in (sessions.items if sessions else None) or () if _id(node)}

    @cached_property
    def _detailed(self) -> Mapping[str, Node]:
        """Regular date of a session by rule -> its details."""
        details = self.document.node("details")
        return {day: node for day, (_, node) in ((details.entries if details else None) or {}).items()}


def _id(node: Node) -> str:
    found = (node.entries or {}).get("id")
    return (found[1].text or "").strip() if found else ""
