"""What is said about a decision: the reply of the party concerned, and the discussion of everyone signed in."""

from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone

from exchange_os.errors import DomainError
from governance.kinds import kind_of
from governance.models import Comment, Decision, Reply, State

COMMENTS_AN_HOUR = 20
REPLIES = 10


def reply_to(decision: Decision, by: AbstractBaseUser, words: str) -> Reply:
    """The party concerned answers, before the vote or while it runs; published beside the accusation.

    Raises ``reply_refused``, ``reply_closed``, ``words_missing``.
    """
    decision.refresh_from_db()
    if by.pk not in kind_of(decision).parties(decision):
        raise DomainError(
            "reply_refused", "Only the party concerned replies; everyone else joins the discussion."
        )
    if decision.state not in (State.REPLY, State.VOTING):
        raise DomainError("reply_closed", "A reply is taken from the opening until the vote is over.")
    if decision.replies.count() >= REPLIES:
        raise DomainError("reply_closed", f"At most {REPLIES} replies; say the rest in the discussion.")
    return Reply.objects.create(decision=decision, by_id=by.pk, words=_words(words, 4000))


def comment_on(
    decision: Decision,
    by: AbstractBaseUser,
    words: str,
    parent: int | None = None,
    now: datetime | None = None,
) -> Comment:
    """Join the discussion, or answer a comment; answers to answers stand beside them.

    Raises ``words_missing``, ``comment_unknown``, ``too_many_comments``.
    """
    hour_ago = (now or timezone.now()) - timedelta(hours=1)
    if Comment.objects.filter(by_id=by.pk, at__gt=hour_ago).count() >= COMMENTS_AN_HOUR:
        raise DomainError("too_many_comments", "That is much at once; go on in an hour.")
    above = Comment.objects.filter(pk=parent, decision=decision).first() if parent else None
    if parent and above is None:
        raise DomainError("comment_unknown", "What you answer is not there.")
    return Comment.objects.create(
        decision=decision,
        by_id=by.pk,
        words=_words(words, 2000),
        parent_id=(above.parent_id or above.pk) if above else None,
    )


def _words(words: str, most: int) -> str:
    text = words.strip()
    if not 3 <= len(text) <= most:
        raise DomainError("words_missing", f"Write 3 to {most:,} characters.", field="words")
    return text
