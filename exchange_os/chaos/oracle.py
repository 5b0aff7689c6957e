"""The oracle: after the fault, does the journal keep every promise that was made to a client?

It compares three witnesses which know nothing of one another: what the clients were told, what a clean kernel says
when it replays the journal, and what the live exchange answers now. Each fault found is one sentence.
"""

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.db.models import Sum
from exchange_kernel import KINDS, command_kind, decode_command

from exchange_os.chaos.clients import Fate, Sent
from exchange_os.chaos.world import World
from exchange_os.demo.client import Refused, Unanswered, VenueClient
from exchange_os.engine import client as engine
from exchange_os.engine.audit import Audit, audit_group
from exchange_os.engine.errors import Busy, OutcomeUnknown
from exchange_os.engine.wire import Ack
from exchange_os.ledger.models import Direction, Transfer, TransferState
from exchange_os.ledger.services import check_ledger
from exchange_os.ledger.services.check import escrow_totals

QUIET_SECONDS = 25.0
ASKED_AT_MOST = 60
VERBS = {KINDS["place"]: "place", KINDS["cancel"]: "cancel"}


def wait_until_quiet(world: World) -> list[str]:
    """Wait until the stream is worked off and no transfer is on its way; what is still open after that."""
    deadline = time.monotonic() + QUIET_SECONDS
    while time.monotonic() < deadline:
        try:
            engine.query(world.group_id, {"q": "markets"})
        except (Busy, OutcomeUnknown):
            engine.close()
            time.sleep(0.2)
            continue
        if not Transfer.objects.filter(group_id=world.group_id, state=TransferState.REQUESTED).exists():
            return []
        time.sleep(0.2)
    waiting = Transfer.objects.filter(group_id=world.group_id, state=TransferState.REQUESTED).count()
    return [
        f"after {QUIET_SECONDS:.0f} s without load {waiting} transfers are on their way or nobody answers"
    ]


def verdict(world: World) -> tuple[list[str], Audit]:
    """Every promise that was not kept, as sentences, and the audit that was made on the way."""
    problems = wait_until_quiet(world)
    audit = audit_group(world.group_id)
    problems += audit.problems
    journaled = _by_client_id(audit)
    for client in world.clients:
        problems += client.complaints
        for record in client.sent:
            problems += _judge(client.trader.account, record, journaled)
    problems += _ask_about_unknowns(world, journaled)
    problems += _compare_live(world, audit)
    problems += _check_transfers(world, audit)
    problems += check_ledger().faults
    return problems, audit


def _by_client_id(audit: Audit) -> dict[tuple[int, str, str], list[Ack]]:
    """Acks of the clean replay by (account, verb, client order id)."""
    found: dict[tuple[int, str, str], list[Ack]] = {}
    for frame, ack in audit.acks:
        verb = VERBS.get(command_kind(frame))
        if verb is not None:
            members = decode_command(frame)
            found.setdefault((members["account"], verb, _text(members["client_id"])), []).append(ack)
    return found


def _text(client_id: Any) -> str:
    return client_id.decode() if isinstance(client_id, bytes) else str(client_id)


def _judge(account: int, record: Sent, journaled: dict[tuple[int, str, str], list[Ack]]) -> Iterator[str]:
    """Faults of one item: acknowledged and not there, there and not acknowledged so, or there twice."""
    acks = journaled.get((account, record.op, record.client_id), [])
    name = f"{record.op} {record.client_id} of account {account}"
    if len(acks) > 1:
        yield f"{name} is in the journal {len(acks)} times"
    if record.fate is Fate.REFUSED and acks:
        yield f"{name} was refused with {record.code} and is in the journal"
    if record.fate is not Fate.ACKED:
        return
    if not acks:
        if record.code == "0":
            yield f"{name} was acknowledged and is not in the journal"
        return
    ack = acks[0]
    if (ack.code == 0) != (record.code == "0"):
        yield f"{name} was answered with {record.code} and replays with {ack.code}"
    elif ack.code == 0 and record.order_id != str(ack.order_id):
        yield f"{name} was answered as order {record.order_id} and replays as {ack.order_id}"


def _ask_about_unknowns(world: World, journaled: dict[tuple[int, str, str], list[Ack]]) -> Iterator[str]:
    """A client that got no answer must find out by its client order id."""
    for client in world.clients:
        door = VenueClient(world.stack.base_url, world.venue.slug, client.trader.credentials)
        unknown = [record for record in client.sent if record.fate is Fate.UNKNOWN and record.op == "place"]
        for record in unknown[-ASKED_AT_MOST:]:
            acks = journaled.get((client.trader.account, "place", record.client_id), [])
            expected = str(acks[0].order_id) if acks and acks[0].order_id and acks[0].code == 0 else ""
            known = _order_id_of(door, client.symbol, record.client_id)
            if known != expected:
                yield f"asked about {record.client_id}: the venue knows order '{known}', the journal '{expected}'"
        door.close()


def _order_id_of(door: VenueClient, symbol: str, client_id: str) -> str:
    """The venue's number of an order, empty if it says that there is none; waits out rate limits."""
    deadline = time.monotonic() + 10.0
    while True:
        try:
            answer = door.request("GET", f"/api/v5/trade/order?instId={symbol}&clOrdId={client_id}")
            return next((str(row["ordId"]) for row in answer.get("data", [])), "")
        except (Refused, Unanswered) as error:
            if time.monotonic() > deadline:
                return f"no answer: {error}"
            time.sleep(0.1)


def _compare_live(world: World, audit: Audit) -> Iterator[str]:
    """The live kernel must answer as the clean one, about every account, the book and the totals."""
    questions: list[dict[str, Any]] = [
        {"q": "account", "account": trader.account} for trader in world.traders
    ]
    questions += [{"q": "book", "market": 0, "depth": 1_000}, {"q": "assets"}, {"q": "markets"}]
    for question in questions:
        live, clean = engine.query(world.group_id, question), audit.query(question)
        for answer in (live, clean):
            for passing in ("now_ms", "sequence"):  # a transfer sent again moves them and nothing else
                answer.pop(passing, None)
        if live != clean:
            yield f"the live kernel and the clean replay answer {question} differently"
    if escrow_totals(world.group_id) != {asset: units for asset, units in audit.totals.items() if units}:
        yield f"escrow {escrow_totals(world.group_id)} is not what the journal holds: {audit.totals}"


def _check_transfers(world: World, audit: Audit) -> Iterator[str]:
    """Every transfer happened once or not at all, and the sums are those of the kernel."""
    accepted = Counter(transfer_id for transfer_id, _, _, _, done, _ in _first_answers(audit) if done)
    for transfer_id, times in accepted.items():
        if times > 1:
            yield f"transfer {transfer_id} was accepted {times} times"
    settled = set(
        Transfer.objects.filter(group_id=world.group_id, state=TransferState.SETTLED).values_list(
            "pk", flat=True
        )
    )
    for transfer_id in sorted(settled ^ set(accepted))[:5]:
        yield f"transfer {transfer_id} is settled in one of ledger and journal only"
    sums: Counter[int] = Counter()
    rows = (
        Transfer.objects.filter(pk__in=settled).values("asset_id", "direction").annotate(units=Sum("amount"))
    )
    for row in rows:
        sign = 1 if row["direction"] == Direction.DEPOSIT else -1
        sums[row["asset_id"]] += sign * int(row["units"])
    if {asset: units for asset, units in sums.items() if units} != {
        a: u for a, u in audit.totals.items() if u
    }:
        yield f"settled transfers sum to {dict(sums)}, the kernel holds {audit.totals}"


def _first_answers(audit: Audit) -> Iterator[tuple[int, int, int, int, bool, int]]:
    """The kernel's decisions, without those that repeat an earlier one for the same id."""
    seen: set[int] = set()
    for answer in audit.transfers:
        if answer[0] not in seen:
            seen.add(answer[0])
            yield answer
