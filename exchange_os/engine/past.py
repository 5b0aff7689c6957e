"""The past of a risk group from PostgreSQL: its journal as a replay, read by a connection of its own."""

from collections.abc import Iterator
from contextlib import contextmanager

from exchange_os.engine import journal
from exchange_os.engine.chain import JournalLink
from exchange_os.engine.database import make_connection
from exchange_os.engine.models import JournalBatch
from exchange_os.engine.replaying import Replay


@contextmanager
def replay_of(group_id: int, first_sequence: int, last_sequence: int) -> Iterator[Replay]:
    """A replay of a group's journal that shows the range; see ``Replay``."""
    with make_connection() as connection:
        rows = journal.links(connection, group_id, 0)
        links = (
            JournalLink(row.first_sequence, row.last_sequence, row.epoch, row.now_ms, row.commands, row.hash)
            for row in rows
        )
        try:
            yield Replay(group_id, links, first_sequence, last_sequence)
        finally:
            links.close()
            rows.close()


def last_batch_before(group_id: int, time_ms: int) -> int:
    """Sequence at which the last batch up to a time (kernel's, in ms) ends; 0 if there is none."""
    batch = JournalBatch.objects.filter(group_id=group_id, now_ms__lte=time_ms).order_by("-first_sequence")
    found = batch.values_list("last_sequence", flat=True).first()
    return int(found or 0)
