"""A schedule of fees: its bounds, field by field, and what counts as a rise."""

import pytest

from venues.errors import Refusals
from venues.fees import FeeSchedule, schedule_from

FORM = {"spot-0-maker": "0.02", "spot-0-taker": "0.05", "referral": "0", "builder_cap": "0.255"}
TIERS = {**FORM, "volume-1": "500", "spot-1-maker": "0.01", "spot-1-taker": "0.04",
         "volume-2": "1,000,000", "spot-2-maker": "-0.005", "spot-2-taker": "0.03"}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "field", "sentence"),
    [
        ({"spot-0-taker": "1.0001"}, "spot-0-taker", "At most 1%."),
        ({"spot-0-taker": "-0.01"}, "spot-0-taker", "Enter a percentage with at most four decimals"),
        ({"spot-0-taker": "0.00001"}, "spot-0-taker", "Enter a percentage with at most four decimals"),
        ({"spot-0-maker": "0.0501"}, "spot-0-maker", "Between minus the taker fee"),
        ({"spot-0-maker": "-0.0501"}, "spot-0-maker", "Between minus the taker fee"),
        ({"spot-0-maker": ""}, "spot-0-maker", "Enter a percentage"),
        ({"spot-1-taker": "0.051"}, "spot-1-taker", "A higher tier is never dearer"),
        ({"spot-2-maker": "0.02"}, "spot-2-maker", "A higher tier is never dearer"),
        ({"volume-1": "0"}, "volume-1", "Enter a whole volume above zero"),
        ({"volume-1": "1e99"}, "volume-1", "Enter a whole volume above zero"),
        ({"volume-2": "500"}, "volume-2", "A higher tier needs a higher volume."),
        ({"referral": "50.01"}, "referral", "At most 50% of the venue's fee."),
        ({"builder_cap": "0.256"}, "builder_cap", "At most 0.255% of a trade."),
        ({"builder_cap": "0.0005"}, "builder_cap", "Use steps of 0.001%."),
        ({"spot-0-taker": "<script>"}, "spot-0-taker", "Enter a percentage"),
    ],
)
def test_a_schedule_outside_its_bounds_is_refused_at_the_field(change, field, sentence):
    with pytest.raises(Refusals) as refused:
        schedule_from({**TIERS, **change}, ["spot"])
    assert refused.value.errors[field].message.startswith(sentence)


def test_a_schedule_survives_being_kept_and_knows_a_rise():
    base = schedule_from(FORM, ["spot"])
    tiered = schedule_from(TIERS, ["spot"])
    assert FeeSchedule.of(tiered.as_data()) == tiered
    assert [tiered.tier_of(volume) for volume in (0, 499, 500, 999_999, 10**9)] == [0, 0, 1, 1, 2]
    assert not tiered.is_rise_from(base)
    assert base.is_rise_from(tiered), "who had a tier loses it"
    later = schedule_from({**TIERS, "volume-1": "501"}, ["spot"])
    assert later.is_rise_from(tiered), "who traded 500 pays more"
    assert not schedule_from({**FORM, "spot-0-taker": "0.05", "referral": "10"}, ["spot"]).is_rise_from(base)
