"""Governance as people see it: the queue, a decision, a vote, the register, the committee."""
