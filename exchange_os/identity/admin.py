"""People on the operator's site: to look at, and to sign out.

Nobody is given a password, an address, a second factor or a rank here. Whoever could set somebody's password could take
what is theirs, and whoever could name staff could be both people of a switch. So what the frameworks register for these
tables is taken off the site.
"""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest

from exchange_os.ui.read_only import ReadOnly

User = get_user_model()

for model in (User, Group, EmailAddress, Authenticator, UserSession):
    admin.site.unregister(model)


@admin.register(User)
class PersonAdmin(ReadOnly):
    """Who has signed up."""

    list_display = ("username", "email", "is_active", "is_staff", "date_joined", "last_login")
    list_filter = ("is_staff", "is_active")
    search_fields = ("username", "email")
    fields = (*list_display, "is_superuser")
    actions = ("end_sessions",)

    @admin.action(description="End every session")
    def end_sessions(self, request: HttpRequest, people: QuerySet[Any]) -> None:
        """Sign them out everywhere: for a device that was lost, or a session that is not theirs."""
        found = UserSession.objects.filter(user__in=people)
        for session in found:
            session.end()
        self.message_user(request, f"{len(found)} sessions were ended.")


@admin.register(UserSession)
class SessionAdmin(ReadOnly):
    """Sessions that are open."""

    list_display = ("user", "created_at", "last_seen_at", "ip", "user_agent")
    fields = list_display
    search_fields = ("user__username", "user__email", "ip")
