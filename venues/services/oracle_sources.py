"""Changing where a market's prices come from: asked for by one member, done when a second has agreed.

Sources that stay keep their numbers and what the kernel knows of them; one that goes is told to no more, and grows
stale there by itself; one that comes back is the same source again.
"""

from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from exchange_os.errors import DomainError
from exchange_os.oracles.models import PriceSource
from exchange_os.oracles.services.sources import add_source, enable_source
from venues.models import Market, MarketKind, PendingAct, Phase, Role, Venue
from venues.services.acts import note_act
from venues.services.roles import require_role
from venues.services.two_people import dangerous, request_act
from venues.sources import SourceSpec, read_sources

OVER = (Phase.PENDING, Phase.SETTLING, Phase.SETTLED)


def source_lines(market: Market) -> list[str]:
    """The market's sources as they were typed."""
    return list(market.params.get("sources", []))


def request_sources(user: AbstractBaseUser, venue: Venue, number: int, text: str, words: str) -> PendingAct:
    """Ask for other price sources of a perpetual, one a line, as ``venues/sources.py`` reads them.

    Raises ``role_missing``, ``market_unknown``, ``sources_unchanged``, what ``read_sources`` refuses, and as
    ``request_act``.
    """
    venue = require_role(user, venue, Role.ORACLE_UPDATER)
    market = _market(venue, number)
    after = [source.line for source in read_sources(text)]
    if after == source_lines(market):
        raise DomainError("sources_unchanged", "These are its sources; change a line first.", field="sources")
    parameters = {"number": number, "market": market.symbol, "before": source_lines(market), "after": after}
    return request_act(user, venue, "oracle_sources", parameters, words)


@dangerous("oracle_sources", "other price sources", Role.ORACLE_UPDATER)
def _set_sources(user: AbstractBaseUser, venue: Venue, parameters: dict[str, Any]) -> None:
    """Agreed: the market listens to these and to no others."""
    market = _market(venue, int(parameters["number"]))
    if source_lines(market) == parameters["after"]:
        return
    if source_lines(market) != parameters["before"]:
        raise DomainError("sources_moved", "Its sources have changed since this was asked for; ask anew.")
    wanted = read_sources("\n".join(parameters["after"]))
    with transaction.atomic():
        there = list(
            PriceSource.objects.select_for_update().filter(group_id=venue.group_id, market=market.number)
        )
        for row in there:
            enable_source(row.pk, any(_same(row, source) for source in wanted))
        for source in wanted:
            if not any(_same(row, source) for row in there):
                add_source(
                    venue.group_id, market.number, name=source.name, kind=source.kind,
                    tick_size=market.tick_size, config=source.config,
                )  # fmt: skip
        market.params["sources"] = parameters["after"]
        market.save(update_fields=["params"])
        note_act(
            venue, user, "changed the price sources of", market.symbol,
            before={"sources": parameters["before"]}, after={"sources": parameters["after"]},
        )  # fmt: skip


def _same(row: PriceSource, source: SourceSpec) -> bool:
    return row.kind == source.kind and row.config == source.config


def _market(venue: Venue, number: int) -> Market:
    market = (
        Market.objects.filter(venue=venue, number=number, kind=MarketKind.PERPETUAL)
        .exclude(phase__in=OVER)
        .first()
    )
    if market is None:
        raise DomainError("market_unknown", "There is no such perpetual, or its trading has ended.")
    return market
