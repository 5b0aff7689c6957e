"""The verbs of the deployer's side."""

from venues.services.deployers import register_deployer, release_stake, require_deployer, stake
from venues.services.launch import add_market, drive_launch, launch_venue
from venues.services.operate import collect_fees, halt_venue, resume_venue
from venues.services.transfers import start_deposit, start_withdrawal

__all__ = [
    "add_market",
    "collect_fees",
    "drive_launch",
    "halt_venue",
    "launch_venue",
    "register_deployer",
    "release_stake",
    "require_deployer",
    "resume_venue",
    "stake",
    "start_deposit",
    "start_withdrawal",
]
