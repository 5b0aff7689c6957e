"""``manage.py create_api_key``: a key of the public trading API, printed once as JSON."""

import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q

from exchange_os.errors import DomainError
from trading.services.accounts import ensure_account
from trading.services.keys import create_api_key
from venues.selectors import venue_by_slug


class Command(BaseCommand):
    """Opens the user's account at the venue if need be, makes a key and prints it: for machines of one's own."""

    help = "Create a key of the public trading API and print it as JSON; the secret is shown only now."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whose key, for which venue, with which rights."""
        parser.add_argument("--user", required=True, help="user name or e-mail")
        parser.add_argument("--venue", required=True, help="address of the venue, such as acme")
        parser.add_argument("--permissions", default="read,trade", help="comma-separated: read, trade")
        parser.add_argument("--label", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the key; where the public signs up nobody's key is made for them, and none here takes money out."""
        if settings.HTTPS:
            raise CommandError(
                "Keys of an exchange that is open to others are made by their owner, on the page API keys."
            )
        if "withdraw" in options["permissions"].split(","):
            raise CommandError(
                "A key that may withdraw is made by its owner, on the page API keys, with a fresh sign-in."
            )
        name = options["user"]
        user = get_user_model().objects.filter(Q(username=name) | Q(email__iexact=name)).first()
        if user is None:
            raise CommandError(f"There is no user '{name}'.")
        try:
            venue = venue_by_slug(options["venue"])
            account = ensure_account(user, venue)
            made = create_api_key(account, options["permissions"].split(","), label=options["label"])
        except DomainError as error:
            raise CommandError(error.message) from None
        shown = {
            "key": made.key,
            "secret": made.secret,
            "passphrase": made.passphrase,
            "permissions": made.record.permissions,
            "venue": venue.slug,
            "account": account.number,
            "rest_path": f"/v/{venue.slug}",
            "ws_path": f"/v/{venue.slug}/ws/v5",
        }
        self.stdout.write(json.dumps(shown))
