"""GitHub's webhooks of a repository, an organisation or an app.

Source: docs.github.com, "Webhook events and payloads", read 2026-11. The event's name is in a header that the signature
does not cover, so the members of the body tell which event it is.
"""

from __future__ import annotations

from collections.abc import Mapping

from shared.event import markup
from shared.event.reading import Does, Payload, Reading, Voice, at, fact, joined, words

# The member that an event is about -> what people write in it. The first one that is there counts: an event about a
# comment also holds the issue it answers, whose words are old.
WRITTEN: Mapping[str, tuple[str, ...]] = {
    "review": ("body",),  # pull_request_review
    "comment": ("body",),  # issue_comment, pull_request_review_comment, discussion_comment, commit_comment
    "discussion": ("title", "body"),
    "pull_request": ("title", "body"),
    "issue": ("title", "body"),
}
# All other actions (closed, labeled, assigned, transferred, resolved ...) bring no words.
DOES: Mapping[str, Does] = {
    "opened": "created",
    "created": "created",
    "submitted": "created",
    "edited": "edited",
    "deleted": "deleted",
}
# What may go from an event that is too large, as far as nothing of it is read.
BULK = ("/commits", "/head_commit", "/comment/diff_hunk", "/pull_request/body", "/issue/body", "/discussion/body")
ENVELOPE = frozenset({"action", "repository", "organization", "enterprise", "sender", "installation", "changes"})
PARENTS = ("discussion", "pull_request", "issue", "commit")


def read(payload: Payload) -> Reading | None:
    """Return what a GitHub event says anew; None for a payload of another shape."""
    if isinstance(payload.get("zen"), str) and "hook" in payload:
        return Reading("ping", ignored="ping")
    member = next((name for name in WRITTEN if isinstance(payload.get(name), dict)), None)
    action = payload.get("action")
    if member is None or not isinstance(action, str):
        known = isinstance(payload.get("repository") or payload.get("sender"), dict)
        return Reading(_kind(payload, member, action)) if known or isinstance(action, str) else None
    thing, does = payload[member], DOES.get(action)
    kind = _kind(payload, member, action)
    if does is None or at(payload, "/changes/old_issue") or at(payload, "/changes/old_repository"):
        return Reading(kind)
    author = payload.get("sender") if does == "edited" else thing.get("user") or payload.get("sender")
    return Reading(
        kind,
        {pointer: _plain(text) for pointer, text in words(payload, _new(payload, member, does)).items()},
        does,
        fact(
            joined(*_repository(payload), kind.rpartition(".")[0], thing.get("id") or thing.get("number")),
            "" if does == "created" else thing.get("updated_at"),
        ),
        id=at(author, "/login"),
        voice=_voice(author),
    )


def _plain(text: object) -> object:
    return markup.markdown(text) if isinstance(text, str) else text


def _new(payload: Payload, member: str, does: Does) -> list[str]:
    """Return the pointers whose words are new: of an edit only what differs from what it was."""
    written = WRITTEN[member] if does != "deleted" else ()
    if does == "edited":
        changes, thing = payload.get("changes"), payload[member]
        written = tuple(n for n in written if at(changes, f"/{n}") and at(changes, f"/{n}/from") != thing.get(n))
    return [f"/{member}/{name}" for name in written]


def _kind(payload: Payload, member: str | None, action: object) -> str:
    """Return the event as GitHub's pages name it, near enough: `issue.opened`, `issue.comment.created`."""
    parent = next((p for p in PARENTS if p != member and p in payload), "commit")
    subject = f"{parent}.{member}" if member in ("comment", "review") else member
    if subject is None:
        subject = next((name for name in sorted(payload) if name not in ENVELOPE), "event")
    return f"{subject}.{action}"[:60] if isinstance(action, str) else subject[:60]


def _repository(payload: Payload) -> list[object]:
    repository = payload.get("repository")
    return [at(repository, "/id") or at(repository, "/full_name") or "-"]


def _voice(author: object) -> Voice:
    login = at(author, "/login")
    is_bot = at(author, "/type") == "Bot" or (isinstance(login, str) and login.endswith("[bot]"))
    return "bot" if is_bot else "person"
