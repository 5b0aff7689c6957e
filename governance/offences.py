"""What a deployer's stake can be slashed for: a closed list, each with its range and the rule that shows it."""

from dataclasses import dataclass

PPM = 1_000_000


@dataclass(frozen=True)
class Offence:
    """A kind of offence. Members vote for a share from ``low_ppm`` to ``high_ppm`` of the stake that was slashable.

    ``rule`` names the rule of ``governance.rules`` whose replay a case needs, ``other`` one that shows it as well;
    where they are empty, files are enough.
    """

    code: str
    label: str
    tier: str
    low_ppm: int
    high_ppm: int
    words: str
    rule: str
    other: str = ""

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that show it, the usual one first."""
        return tuple(name for name in (self.rule, self.other) if name)

    @property
    def range_text(self) -> str:
        """The range as people read it, such as ``50% to 100%``."""
        return f"{self.low_ppm * 100 / PPM:g}% to {self.high_ppm * 100 / PPM:g}%"


GRAVE, SERIOUS, MINOR = (500_000, PPM), (200_000, 500_000), (10_000, 200_000)

OFFENCES = {
    offence.code: offence
    for offence in (
        Offence(
            "false_settlement", "False settlement", "Grave", *GRAVE,
            "A market was settled against its own recorded source, so that some were paid what belonged to others.",
            "settlement",
        ),
        Offence(
            "oracle_manipulation", "Oracle manipulation", "Grave", *GRAVE,
            "A price source of the deployer was away from all others while positions were liquidated or funded.",
            "oracle",
        ),
        Offence(
            "self_dealing", "Self-dealing", "Serious", *SERIOUS,
            "Accounts of the deployer or the team traded on the venue they run, against its users or one another.",
            "self_dealing",
        ),
        Offence(
            "misleading_terms", "Misleading terms", "Serious", *SERIOUS,
            "What was published about a market was untrue or changed while positions were open.",
            "",
        ),
        Offence(
            "missed_deadline", "Missed deadline", "Minor", *MINOR,
            "A result was proposed later than the rules of the event allow, or never.",
            "deadline",
        ),
        Offence(
            "downtime", "Downtime", "Minor", *MINOR,
            "Markets stood still by the deployer's doing, or nobody was answered, for longer than a venue may.",
            "downtime", "unanswered",
        ),
    )
}  # fmt: skip
