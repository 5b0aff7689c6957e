"""Logos of venues: pictures made anew from what was uploaded, kept with everything else in PostgreSQL."""

from django.conf import settings
from django.db import models


class Logo(models.Model):
    """A square picture in two sizes, WebP; ``digest`` is the SHA-256 of the large one and its name on the web."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64, db_index=True)
    small = models.BinaryField()
    large = models.BinaryField()
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="logo_once_a_user")]

    def __str__(self) -> str:
        return self.digest[:12]
