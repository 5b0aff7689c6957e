"""Markets that a user marked."""

from trading.models import Favourite


def favourite_markets(user_id: int) -> list[int]:
    """Keys of the user's favourite markets, the newest first."""
    return list(Favourite.objects.filter(user_id=user_id).order_by("-pk").values_list("market_id", flat=True))
