"""What time brings to decisions. The task names nothing: it looks for what is due, so twice or late does no harm."""

from celery import shared_task
from django.utils import timezone

from governance.selectors.decisions import due_decisions
from governance.services.decisions import follow_decisions
from governance.services.disputes import end_decided, put_disputes
from governance.services.halts import carry_out_halts
from governance.services.incidents import detect
from governance.services.slashing import finish_slash, unfinished_slashes


@shared_task(name="governance.sweep_incidents")
def sweep_incidents() -> None:
    """Look at every venue for what makes an incident."""
    detect(timezone.now())


@shared_task(name="governance.sweep_decisions")
def sweep_decisions() -> None:
    """Put disputes before panels, move decisions whose time has come, tell venues to halt or to open, look at
    capacities after a slash."""
    now = timezone.now()
    end_decided(now)
    put_disputes(now)
    follow_decisions(due_decisions(now), now)
    carry_out_halts(now)
    for number in unfinished_slashes():
        finish_slash(number)
