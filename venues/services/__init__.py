"""The verbs of the deployer's side. Whatever process imports one knows every act that two people do."""

from venues.services.access_policies import propose_policy
from venues.services.adding import add_listings, add_market, add_outcome
from venues.services.clarifications import clarify_event
from venues.services.deployers import register_deployer, require_deployer, stake, unbond_stake
from venues.services.disputes import decide, open_dispute
from venues.services.events import close_event, follow_events, propose_result, propose_void
from venues.services.launch import drive_launch, launch_venue
from venues.services.operate import (
    collect_fees,
    halt_market,
    halt_venue,
    request_longer_halt,
    resume_market,
    resume_venue,
)
from venues.services.oracle_sources import request_sources
from venues.services.rule_changes import submit_change
from venues.services.transfers import start_deposit, start_withdrawal
from venues.services.winding import request_wind_down

__all__ = [
    "add_listings",
    "add_market",
    "add_outcome",
    "clarify_event",
    "close_event",
    "collect_fees",
    "decide",
    "drive_launch",
    "follow_events",
    "halt_market",
    "halt_venue",
    "launch_venue",
    "open_dispute",
    "propose_policy",
    "propose_result",
    "propose_void",
    "register_deployer",
    "request_longer_halt",
    "request_sources",
    "request_wind_down",
    "require_deployer",
    "resume_market",
    "resume_venue",
    "stake",
    "start_deposit",
    "start_withdrawal",
    "submit_change",
    "unbond_stake",
]
