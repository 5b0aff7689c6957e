"""Functions that are stopped for a while: what is stopped now, and the refusal that says so.

A pause stops what is asked for from now on. What was asked for before goes on to its end: a deposit under way
arrives, money on its way back reaches its wallet.
"""

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Pause, PauseFunction

EVERYWHERE = 0
_WORDS = {
    PauseFunction.DEPOSIT: "Deposits to venues are",
    PauseFunction.WITHDRAW: "Withdrawals are",
    PauseFunction.TRADE: "Trading is",
    PauseFunction.LIQUIDATE: "Liquidations are",
    PauseFunction.SETTLE: "Settlement of events is",
}
_REMEDIES = {
    PauseFunction.DEPOSIT: "Your money stays in your wallet; try again later.",
    PauseFunction.WITHDRAW: "Your money stays where it is; try again later.",
    PauseFunction.TRADE: "Cancelling stays possible.",
    PauseFunction.LIQUIDATE: "Trading goes on.",
    PauseFunction.SETTLE: "What was proposed stays, and is paid once it resumes.",
}


def pause_of(function: PauseFunction, group_id: int = EVERYWHERE) -> Pause | None:
    """The pause that stops ``function`` for the risk group, the oldest if there are two; None if it runs."""
    standing = Pause.objects.standing()
    return standing.filter(function=function, group_id__in={EVERYWHERE, group_id}).first()


def refusal(pause: Pause) -> DomainError:
    """``paused``: which function is stopped, since when (UTC), why, and what stays possible."""
    function = PauseFunction(pause.function)
    return DomainError(
        "paused",
        f"{_WORDS[function]} paused since {pause.since:%Y-%m-%d %H:%M} UTC: {pause.reason.rstrip('.')}. "
        f"{_REMEDIES[function]}",
        function=function.value,
        since=pause.since.isoformat(),
    )


def check_running(function: PauseFunction, group_id: int = EVERYWHERE) -> None:
    """Refuse with ``paused`` while ``function`` is stopped for the group or everywhere."""
    pause = pause_of(function, group_id)
    if pause is not None:
        raise refusal(pause)
