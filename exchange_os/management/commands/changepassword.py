"""``manage.py changepassword``: Django's own, for staff only."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.management.commands import changepassword
from django.core.management.base import CommandError


class Command(changepassword.Command):
    """Whoever could set a user's password could take what is theirs: users set their own, by a letter to them."""

    help = "Change the password of a member of staff."

    def handle(self, *args: Any, **options: Any) -> None:
        """Refuse for everybody else."""
        user = get_user_model().objects.filter(username=options["username"]).first()
        if user is not None and not user.is_staff:
            raise CommandError("Only passwords of staff are set by command; users reset their own by e-mail.")
        super().handle(*args, **options)
