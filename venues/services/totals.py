"""What the kernel of a risk group holds, for the comparison with the ledger's escrow."""

from venues.services.asking import ask


def kernel_totals(group_id: int) -> dict[int, int]:
    """``{asset id: units}`` over all accounts of a risk group. Raises the engine's ``DomainError`` if it is away."""
    return {row["asset"]: row["total"] for row in ask(group_id, {"q": "assets"})["assets"]}
