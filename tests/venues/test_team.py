"""The team of a venue: who may do what, and how people come and go."""

import hashlib

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from exchange_os.errors import DomainError
from tests.venues.conftest import ETH_USD
from venues.console import TABS
from venues.models import Role, VenueInvitation, VenueMember
from venues.services import (
    add_market,
    add_outcome,
    close_event,
    collect_fees,
    halt_market,
    halt_venue,
    propose_result,
    propose_void,
    resume_market,
    resume_venue,
)
from venues.services.roles import require_role, roles_of
from venues.services.team import (
    accept_invitation,
    decline_invitation,
    invite_member,
    remove_member,
    withdraw_invitation,
)
from venues.specs import listing_spec

pytestmark = pytest.mark.django_db


def event_of(venue):
    return venue.events.get()


#: Every verb of the console with the one role, besides the owner's, that may do it (none: owners only).
VERBS = {
    halt_venue: (Role.HALTER, lambda user, venue: halt_venue(user, venue)),
    resume_venue: (Role.HALTER, lambda user, venue: resume_venue(user, venue)),
    halt_market: (Role.HALTER, lambda user, venue: halt_market(user, venue, 0)),
    resume_market: (Role.HALTER, lambda user, venue: resume_market(user, venue, 0)),
    close_event: (Role.ORACLE_UPDATER, lambda user, venue: close_event(user, event_of(venue))),
    propose_result: (
        Role.ORACLE_UPDATER,
        lambda user, venue: propose_result(user, event_of(venue), {0: 1}, "short"),
    ),
    propose_void: (Role.ORACLE_UPDATER, lambda user, venue: propose_void(user, event_of(venue), "short")),
    collect_fees: (Role.TREASURER, lambda user, venue: collect_fees(user, venue)),
    add_outcome: (Role.OWNER, lambda user, venue: add_outcome(user, event_of(venue), "Sleet")),
    add_market: (
        Role.OWNER,
        lambda user, venue: add_market(user, venue, listing_spec({**ETH_USD, "kind": "spot"})),
    ),
    invite_member: (Role.OWNER, lambda user, venue: invite_member(user, venue, "x@example.com", "nothing")),
    withdraw_invitation: (Role.OWNER, lambda user, venue: withdraw_invitation(user, venue, 0)),
    remove_member: (Role.OWNER, lambda user, venue: remove_member(user, venue, 0)),
}


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
def test_each_verb_asks_for_its_role(house, person, verb, monkeypatch):
    """A role that may gets past the check (and stops at the sleeping group or a bad input), every other is refused."""
    needed, act = VERBS[verb]
    monkeypatch.setattr("venues.services.asking.READ_TIMEOUT_SECONDS", 0.01)
    monkeypatch.setattr("venues.services.asking.client", _Away)
    monkeypatch.setattr("venues.services.event_moves.client", _Away)
    answers = {}
    for role in Role:
        user = person(role.value)
        VenueMember.objects.create(venue=house, user=user, role=role)
        try:
            act(user, house)
            answers[role] = "done"
        except DomainError as refused:
            answers[role] = refused.code
    assert {role for role, code in answers.items() if code != "role_missing"} == {Role.OWNER, needed}
    with pytest.raises(DomainError) as refused:
        act(person("stranger"), house)
    assert refused.value.code in ("venue_unknown", "event_unknown")


class _Away:
    """An engine that answers nothing."""

    @staticmethod
    def query(*_, **__):
        raise DomainError("away", "The venue does not answer.")

    submit = submit_packed = query


def test_the_deployer_and_owners_have_every_role_and_others_their_own(house, person):
    assert roles_of(house.deployer.user, house) == frozenset(Role)
    VenueMember.objects.create(venue=house, user=person("ann"), role=Role.OWNER)
    VenueMember.objects.create(venue=house, user=person("bob"), role=Role.HALTER)
    VenueMember.objects.create(venue=house, user=person("bob"), role=Role.TREASURER)
    assert roles_of(person("ann"), house) == frozenset(Role)
    assert roles_of(person("bob"), house) == {Role.HALTER, Role.TREASURER}
    assert roles_of(person("eve"), house) == frozenset()
    with pytest.raises(DomainError) as refused:
        require_role(person("bob"), house, Role.COMPLIANCE)
    assert refused.value.message == (
        "This needs the role “Compliance” at House; an owner of the venue can give it to you."
    )


def test_an_invitation_is_taken_once_by_its_addressee(house, person):
    made, token = invite_member(house.deployer.user, house, " Bob@Example.com ", "halter")
    assert (made.email, made.token_hash) == ("bob@example.com", hashlib.sha256(token.encode()).hexdigest())
    with pytest.raises(DomainError, match="another address"):
        accept_invitation(person("eve"), token)
    member = accept_invitation(person("bob"), token)
    assert (member.venue, member.role) == (house, Role.HALTER)
    with pytest.raises(DomainError, match="was taken"):
        accept_invitation(person("bob"), token)
    with pytest.raises(DomainError, match="has this role already"):
        invite_member(house.deployer.user, house, "bob@example.com", "halter")
    assert (VenueMember.objects.count(), VenueInvitation.objects.count()) == (1, 0)


def test_an_old_a_withdrawn_and_a_declined_invitation_give_nothing(house, person):
    owner = house.deployer.user
    made, old = invite_member(owner, house, "bob@example.com", "halter")
    _, newer = invite_member(owner, house, "bob@example.com", "halter")
    with pytest.raises(DomainError, match="was taken"):
        accept_invitation(person("bob"), old)
    VenueInvitation.objects.update(expires=timezone.now())
    with pytest.raises(DomainError, match="older than 7 days"):
        accept_invitation(person("bob"), newer)
    _, again = invite_member(owner, house, "bob@example.com", "halter")
    withdraw_invitation(owner, house, made.pk)
    with pytest.raises(DomainError, match="withdrawn"):
        accept_invitation(person("bob"), again)
    _, last = invite_member(owner, house, "bob@example.com", "halter")
    decline_invitation(person("bob"), last)
    assert (VenueMember.objects.count(), VenueInvitation.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    ("email", "role", "code"),
    [
        ("bob", "halter", "email_invalid"),
        ("bob@example.com", "king", "role_unknown"),
        ("", "halter", "email_invalid"),
    ],
)
def test_a_refused_invitation_leaves_nothing(house, email, role, code):
    with pytest.raises(DomainError) as refused:
        invite_member(house.deployer.user, house, email, role)
    assert (refused.value.code, VenueInvitation.objects.count()) == (code, 0)


def test_a_member_may_leave_but_not_send_others_away(house, person):
    bob = VenueMember.objects.create(venue=house, user=person("bob"), role=Role.HALTER)
    ann = VenueMember.objects.create(venue=house, user=person("ann"), role=Role.TREASURER)
    with pytest.raises(DomainError) as refused:
        remove_member(person("bob"), house, ann.pk)
    assert refused.value.code == "role_missing"
    remove_member(person("bob"), house, bob.pk)
    assert list(VenueMember.objects.all()) == [ann]


@pytest.mark.parametrize("role", Role)
def test_a_member_sees_the_tabs_of_the_role_and_no_other(signed_in, house, person, role):
    VenueMember.objects.create(venue=house, user=person("bob"), role=role)
    visitor = signed_in(person("bob"))
    home = visitor.get("/deployer/").content.decode()
    assert reverse("deployer:console", args=[house.pk]) in home
    page = visitor.get(reverse("deployer:console", args=[house.pk])).content.decode()
    for tab in TABS:
        address = reverse(tab.url_name, args=[house.pk])
        allowed = role == Role.OWNER or role in tab.roles
        assert (f'href="{address}"' in page) == allowed
        assert visitor.get(address).status_code == (200 if allowed else 403)


def test_the_team_page_invites_and_the_addressee_accepts(signed_in, house, person):
    team = reverse("deployer:team", args=[house.pk])
    page = signed_in(house.deployer.user).post(team, {"email": "bob@example.com", "role": "halter"})
    link = page.context["link"]
    assert [letter.to for letter in mail.outbox] == [["bob@example.com"]] and link in mail.outbox[0].body
    assert signed_in(person("eve")).get(link).status_code == 404
    visitor = signed_in(person("bob"))
    assert "offers you the role" in visitor.get(link).content.decode()
    assert visitor.post(link, {"answer": "accept"}).url == reverse("deployer:console", args=[house.pk])
    assert visitor.post(team, {"email": "eve@example.com", "role": "owner"}).status_code == 422
    assert VenueInvitation.objects.count() == 0
    row = VenueMember.objects.get()
    dismiss = reverse("deployer:dismiss", args=[house.pk, "members", row.pk])
    assert signed_in(house.deployer.user).post(dismiss).url == team
    assert VenueMember.objects.count() == 0
