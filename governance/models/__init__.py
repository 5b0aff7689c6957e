"""The committee's side: members, decisions with their panels and votes, cases with their evidence, halts."""

from governance.models.case import Case, Evidence, EvidenceFile, EvidenceKind, Harmed
from governance.models.committee import CommitteeMember, ConflictDeclaration
from governance.models.decision import (
    MOVES,
    Choice,
    Comment,
    Decision,
    DecisionMove,
    PanelDraw,
    Reply,
    Seat,
    State,
    Verb,
    Vote,
    VoteChallenge,
)
from governance.models.dispute import DisputeCase
from governance.models.halt import EmergencyHalt
from governance.models.incident import Incident
from governance.models.proposal import Proposal, Veto

__all__ = [
    "MOVES",
    "Case",
    "Choice",
    "Comment",
    "CommitteeMember",
    "ConflictDeclaration",
    "Decision",
    "DecisionMove",
    "DisputeCase",
    "EmergencyHalt",
    "Evidence",
    "EvidenceFile",
    "EvidenceKind",
    "Harmed",
    "Incident",
    "PanelDraw",
    "Proposal",
    "Reply",
    "Seat",
    "State",
    "Verb",
    "Veto",
    "Vote",
    "VoteChallenge",
]
