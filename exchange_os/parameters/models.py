"""The history of parameters. The present value is that of the newest change; without one, that of the settings."""

from django.db import models


class ParameterChange(models.Model):
    """One change, never changed itself: from what to what, and by which decision."""

    name = models.CharField(max_length=40)
    before = models.CharField(max_length=24)
    value = models.BigIntegerField()
    decision = models.BigIntegerField(help_text="Number of the decision that was executed.")
    reason = models.CharField(max_length=200)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["decision", "name"], name="parameter_changed_once")]
        indexes = [models.Index(fields=["name", "-id"], name="parameter_newest")]

    def __str__(self) -> str:
        return f"{self.name} = {self.value}"
