"""What governance answers: members, decisions, votes, parameters."""
