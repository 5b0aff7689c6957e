"""Parameters of governance: what each means, its bounds, and its value where no decision changed it."""

from exchange_os.parameters.registry import DAY, HOUR, Parameter, declare

PARAMETERS = declare(
    Parameter("case_draft_seconds", 14 * DAY, DAY, 60 * DAY, "How long a draft may wait to be opened."),
    Parameter("case_reply_seconds", 2 * DAY, DAY, 14 * DAY, "How long the deployer has to answer before a vote."),
    Parameter("case_voting_seconds", 3 * DAY, DAY, 14 * DAY, "How long a panel votes on a case."),
    Parameter("case_lock_seconds", DAY, DAY, 14 * DAY, "How long an adopted slash waits, open to appeal."),
    Parameter("case_appeal_seconds", 2 * DAY, DAY, 14 * DAY, "How long a rejected case can be appealed."),
    Parameter("decision_quorum_ppm", 500_000, 300_000, 1_000_000, "Share of the panel's seats that must vote."),
    Parameter("decision_threshold_ppm", 600_000, 500_001, 1_000_000, "Share of votes for, of those for and against."),
    Parameter("decision_votes_count", 2, 2, 20, "Votes for that are needed at least."),
    Parameter("panel_seats_count", 2, 2, 20, "Seats that a fresh panel of an appeal needs at least."),
    Parameter("panel_drawn_count", 9, 3, 50, "Seats of a panel on a case or dispute; of more members it is drawn."),
    Parameter("dispute_voting_seconds", 2 * DAY, HOUR, 7 * DAY, "How long a panel votes on a disputed result."),
    Parameter("dispute_lock_seconds", HOUR, 300, 2 * DAY, "How long a verdict waits before it is paid."),
    Parameter("detector_stale_seconds", 900, 60, DAY, "How long a price may be silent before it is an incident."),
    Parameter("detector_deviation_ppm", 30_000, 1_000, 500_000, "How far from all others a price may be."),
    Parameter("detector_deviation_count", 3, 1, 1_000, "Prices of a source so far away that make an incident."),
    Parameter("detector_downtime_seconds", HOUR, 300, DAY, "How long a market may stand halted in a day."),
    Parameter("detector_unanswered_seconds", 300, 30, DAY, "How long a venue may leave a transfer unanswered."),
    Parameter("proposal_voting_seconds", 3 * DAY, DAY, 14 * DAY, "How long the committee votes on a proposal."),
    Parameter("proposal_lock_seconds", 2 * DAY, DAY, 14 * DAY, "How long an adopted proposal waits, open to a veto."),
    Parameter("override_threshold_ppm", 800_000, 600_000, 1_000_000, "Share of votes for that outvotes a veto."),
    Parameter("halt_voting_seconds", HOUR, 300, DAY, "How long guardians may gather the votes for a halt."),
    Parameter("halt_seconds", DAY, HOUR, 2 * DAY, "How long an emergency halt lasts unless it is ratified."),
    Parameter("halt_ratified_seconds", 14 * DAY, DAY, 60 * DAY, "How long a ratified halt lasts."),
)  # fmt: skip
