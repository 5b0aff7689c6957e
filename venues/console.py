"""The console of a venue: its tabs, who sees which, and the frame that every page of it stands in.

A page is a view behind ``console_page("<tab>")``, which hands it a ``Console`` of a venue that the user may see on that
tab, and a template that extends ``venues/console/base.html`` and is rendered by ``Console.render``. A new page is one
line in ``TABS``, one address in ``venues/urls.py``, one view.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import render

from exchange_os.errors import DomainError
from exchange_os.ui.access import signed_in
from exchange_os.ui.requests import SignedInRequest
from venues.models import Role, Venue
from venues.services.roles import member_venue, roles_of

EVERYONE = frozenset(Role)
OWNERS = frozenset({Role.OWNER})


@dataclass(frozen=True)
class Tab:
    """A part of the console: its key, name and icon, the name of its address (given the venue's id), who sees it."""

    key: str
    label: str
    icon: str
    url_name: str
    roles: frozenset[Role] = EVERYONE
    own_books: bool = False  # only where the venue has books of its own


#: In the order they are shown. Owners see every tab; the others those of their roles.
TABS = (
    Tab("overview", "Overview", "gauge", "deployer:console"),
    Tab(
        "markets",
        "Markets",
        "chart-candlestick",
        "deployer:markets",
        frozenset({Role.HALTER}),
        own_books=True,
    ),
    Tab("events", "Events", "gavel", "deployer:events", frozenset({Role.ORACLE_UPDATER}), own_books=True),
    Tab("oracles", "Oracles", "eye", "deployer:oracles", frozenset({Role.ORACLE_UPDATER}), own_books=True),
    Tab("revenue", "Revenue", "coins", "deployer:revenue", frozenset({Role.TREASURER})),
    Tab("fees", "Fees", "percent", "deployer:schedule", frozenset({Role.TREASURER}), own_books=True),
    Tab("changes", "Changes", "sliders-horizontal", "deployer:changes", own_books=True),
    Tab("fronts", "Fronts", "layers", "deployer:fronts", OWNERS),
    Tab("access", "Access", "lock", "deployer:access", frozenset({Role.COMPLIANCE})),
    Tab("compliance", "Compliance", "shield-check", "deployer:compliance", frozenset({Role.COMPLIANCE})),
    Tab("team", "Team", "user-plus", "deployer:team"),
    Tab("api", "API", "terminal", "deployer:api", OWNERS),
    Tab("embed", "Embed", "globe", "deployer:embed", OWNERS),
    Tab("audit", "Audit", "history", "deployer:audit"),
    Tab("settings", "Settings", "settings", "deployer:settings", OWNERS),
)


@dataclass(frozen=True)
class Console:
    """One request to one tab of one venue's console, by a member who may see it."""

    request: SignedInRequest
    venue: Venue
    roles: frozenset[Role]
    tab: str

    def may(self, role: Role) -> bool:
        """Whether the visitor has the role here (an owner has all)."""
        return role in self.roles

    @property
    def is_owner(self) -> bool:
        """Whether the visitor may do everything here."""
        return Role.OWNER in self.roles

    def render(
        self, template: str, context: Mapping[str, Any] | None = None, status: int = 200
    ) -> HttpResponse:
        """The template with what the frame needs: ``venue``, ``console_tabs``, ``tab``, ``roles``, ``is_owner``."""
        framed = {
            "venue": self.venue,
            "console_tabs": [tab for tab in TABS if sees(self.roles, tab) and fits(self.venue, tab)],
            "tab": self.tab,
            "roles": self.roles,
            "is_owner": self.is_owner,
            "can_halt": self.may(Role.HALTER),
            "can_collect": self.may(Role.TREASURER),
            **(context or {}),
        }
        return render(self.request, template, framed, status=status)


def sees(roles: frozenset[Role], tab: Tab) -> bool:
    """Whether somebody with these roles sees the tab."""
    return Role.OWNER in roles or bool(roles & tab.roles)


def fits(venue: Venue, tab: Tab) -> bool:
    """Whether the tab makes sense at the venue: a front has no books of its own."""
    return not (tab.own_books and venue.fronts_id)


def console_page(
    key: str,
) -> Callable[[Callable[..., HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """Decorates ``view(console, ...)`` into ``view(request, venue_id, ...)`` of the tab ``key``.

    Whoever is not signed in is led there, a stranger gets 404, a member without a role for the tab 403.
    """
    tab = next(tab for tab in TABS if tab.key == key)

    def decorate(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def opened(request: SignedInRequest, venue_id: int, *args: Any, **kwargs: Any) -> HttpResponseBase:
            try:
                venue = member_venue(request.user, venue_id)
            except DomainError as unknown:
                raise Http404(unknown.message) from unknown
            roles = roles_of(request.user, venue)
            if not fits(venue, tab):
                raise Http404("A front has no books of its own.")
            if not sees(roles, tab):
                raise PermissionDenied
            return view(Console(request, venue, roles, key), *args, **kwargs)

        return signed_in(opened)

    return decorate
