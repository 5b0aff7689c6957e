"""The world of one chaos run: a fresh venue on the private stack, its traders, and money going in and out."""

import threading
import time
from dataclasses import dataclass, field
from random import Random

from django.contrib.auth.models import AbstractBaseUser
from django.db import DatabaseError, close_old_connections, connection
from redis.exceptions import RedisError

from exchange_os.chaos.clients import MID_TICKS, OrderClient, Trader, impatient
from exchange_os.demo.stack import PrivateStack
from exchange_os.demo.stage import (
    VenuePlan,
    deposit_all,
    ensure_person,
    ensure_stake,
    ensure_trading_account,
    ensure_venue,
    make_credentials,
)
from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from exchange_os.ledger.services import create_asset
from venues.models import Venue
from venues.services import start_deposit, start_withdrawal

TRADERS = 4
SCALE = 2
SUPPLY = 10**12


@dataclass
class World:
    """Where one run happens. ``owner`` is the deployer and the one whose wallet funds the traders."""

    stack: PrivateStack
    venue: Venue
    owner: AbstractBaseUser
    assets: tuple[Asset, Asset]
    traders: list[Trader]
    seed: int
    clients: list[OrderClient] = field(default_factory=list)

    @property
    def group_id(self) -> int:
        """The venue's risk group."""
        return self.venue.group_id

    def start_clients(self) -> None:
        """Let every trader send orders, the last of them impatiently."""
        symbol = f"{self.assets[0].symbol}-{self.assets[1].symbol}"
        self.clients = [
            OrderClient(self.stack.base_url, self.venue.slug, symbol, trader, self.seed)
            for trader in self.traders
        ]
        impatient(self.clients[-1])
        for client in self.clients:
            client.start()

    def stop_clients(self) -> None:
        """End them and wait until each knows the fate of its last body, or knows that it does not."""
        for client in self.clients:
            client.stop()
        for client in self.clients:
            client.join()

    @property
    def acks(self) -> int:
        """How many items have been answered so far."""
        return sum(client.acked for client in self.clients)


def build_world(stack: PrivateStack, number: int, seed: int) -> World:
    """Launch the venue ``chaos-<number>`` with funded traders. Raises what the steps of the stage raise."""
    owner = ensure_person("chaos@demo.example", None)
    ensure_stake(owner, "Chaos Markets")
    base, quote = (
        Asset.objects.filter(symbol=symbol).first()
        or create_asset(
            owner, symbol=symbol, name="Chaos asset", scale=SCALE, supply=str(SUPPLY), confirmed=True
        )
        for symbol in ("CBASE", "CQUOTE")
    )
    plan = VenuePlan(
        slug=f"chaos-{number}",
        name=f"Chaos {number}",
        accent="#7c2d12",
        description="A venue for fault injection.",
        markets=(
            {
                "base": base.symbol, "quote": quote.symbol, "tick_size": "1", "lot_size": "1",
                "reference_price": str(MID_TICKS), "band_percent": "5", "maker_fee_percent": "0.01",
                "taker_fee_percent": "0.05",
            },
        ),
    )  # fmt: skip
    venue = ensure_venue(owner, plan)
    accounts = [
        ensure_trading_account(ensure_person(f"chaos-{place}@demo.example", None), venue)
        for place in range(1, TRADERS + 1)
    ]
    deposit_all(
        (owner, venue, account.number, asset, units * 10**SCALE)
        for account in accounts
        for asset, units in ((base, 50_000), (quote, 20_000_000))
    )
    traders = [Trader(account.number, make_credentials(account, "chaos")) for account in accounts]
    return World(stack, venue, owner, (base, quote), traders, seed)


class TransferClient(threading.Thread):
    """Moves money into and out of the venue until stopped; what became of it stands in the ledger's own rows."""

    def __init__(self, world: World) -> None:
        super().__init__(name="chaos-transfers", daemon=True)
        self._world = world
        self._draws = Random(f"{world.seed}:transfers")
        self._halt = threading.Event()
        self.asked = 0
        self.failed = 0

    def stop(self) -> None:
        """Ask it to end; ``join`` to wait for it."""
        self._halt.set()

    def run(self) -> None:
        """One transfer after the other; a database or broker that is away is waited for."""
        world = self._world
        while not self._halt.wait(0.04):
            verb = self._draws.choice((start_deposit, start_withdrawal))
            trader = self._draws.choice(world.traders)
            asset = self._draws.choice(world.assets)
            units = self._draws.randint(1, 5_000)
            self.asked += 1
            try:
                verb(world.owner, world.venue, trader.account, asset, units)
            except (DatabaseError, RedisError, DomainError, OSError):
                self.failed += 1
                close_old_connections()
                time.sleep(0.1)
        connection.close()
