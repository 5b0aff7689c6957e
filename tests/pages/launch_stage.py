"""Sets the stage of the walks through the launch wizard: a deployer with stake for several venues, who can sign in.

``python -m tests.pages.launch_stage`` prints JSON: ``{"email", "newcomer"}``. It runs in a process of its own, because
the private stack has a database of its own.
"""

import json

import django

django.setup()

from exchange_os.demo.stage import claim_from_faucet, ensure_person  # noqa: E402
from exchange_os.ledger.selectors import stake_asset, to_units  # noqa: E402
from tests.pages.screen import PASSWORD  # noqa: E402
from venues.services import register_deployer, stake  # noqa: E402


def main() -> None:
    """Make everything and print who is who."""
    deployer = ensure_person("launcher@launch.example", PASSWORD)
    newcomer = ensure_person("beginner@launch.example", PASSWORD)
    register_deployer(deployer, "Launch Hands")
    asset = stake_asset()
    claim_from_faucet(deployer, asset.symbol, 3)
    stake(deployer, to_units("6000", asset))
    print(json.dumps({"email": deployer.email, "newcomer": newcomer.email}))


if __name__ == "__main__":
    main()
