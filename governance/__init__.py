"""The committee's side: cases, votes, slashing and protocol parameters."""
