"""The audit log of a venue: every act is there, none can be changed, it is searched and exported."""

import csv
import io

import pytest
from django.db import ProgrammingError, transaction
from django.urls import reverse

from tests.venues.conftest import ETH_USD
from venues.models import VenueAct
from venues.services import add_market, halt_market, halt_venue, resume_market, resume_venue
from venues.services.acts import acts_csv, acts_of, note_act
from venues.services.team import invite_member
from venues.specs import listing_spec


def lines(venue):
    return [
        (act.by, act.verb, act.about, act.words)
        for act in VenueAct.objects.filter(venue=venue).order_by("pk")
    ]


@pytest.mark.django_db(transaction=True)
def test_every_act_is_written_down_once(venue, deployer):
    halt_market(deployer, venue, 0, "The index is wrong.")
    resume_market(deployer, venue, 0)
    halt_venue(deployer, venue, "Maintenance.")
    resume_venue(deployer, venue)
    add_market(deployer, venue, listing_spec({**ETH_USD, "kind": "spot"}))
    invite_member(deployer, venue, "bob@example.com", "halter")
    assert lines(venue) == [
        (deployer, "halted", "BTC-USD", "The index is wrong."),
        (deployer, "resumed", "BTC-USD", ""),
        (deployer, "halted", "North Exchange", "Maintenance."),
        (deployer, "resumed", "North Exchange", ""),
        (deployer, "added", "ETH-USD", ""),
        (deployer, "invited", "bob@example.com", ""),
    ]
    for change in (lambda row: row.update(words=""), lambda row: row.delete()):
        with pytest.raises(ProgrammingError, match="never changed"), transaction.atomic():
            change(VenueAct.objects.filter(venue=venue))
    assert len(lines(venue)) == 6


@pytest.mark.django_db
def test_the_log_is_searched_paged_and_exported(signed_in, house):
    owner = house.deployer.user
    for number in range(60):
        note_act(house, owner, "changed", f"M{number}", before={"taker": number}, after={"taker": number + 1})
    note_act(house, None, "paid", "=HYPERLINK(1)")
    assert [act.about for act in acts_of(house, "changed m59")] == ["M59"]
    visitor = signed_in(owner)
    address = reverse("deployer:audit", args=[house.pk])
    first = visitor.get(address)
    assert [row[0].about for row in first.context["acts"]][:2] == ["=HYPERLINK(1)", "M59"]
    assert len(first.context["acts"]) == 50
    second = visitor.get(address + first.context["older"])
    assert [row[0].about for row in second.context["acts"]] == [f"M{number}" for number in range(10, -1, -1)]
    assert "Nothing found" in visitor.get(address, {"q": "nowhere"}).content.decode()
    table = list(csv.reader(io.StringIO("".join(acts_csv(acts_of(house))))))
    assert table[0] == ["time", "by", "act", "what", "reason", "before", "after"]
    assert table[1][1:4] == ["clock", "paid", "'=HYPERLINK(1)"], "no spreadsheet takes it for a formula"
    assert table[2][1:] == [owner.email, "changed", "M59", "", "taker: 59", "taker: 60"]
    exported = visitor.get(reverse("deployer:audit_export", args=[house.pk]), {"q": "m59"})
    assert len(b"".join(exported.streaming_content).splitlines()) == 2
