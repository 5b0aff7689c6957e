"""Tables of the nightly publication; ``Night`` and ``LiabilityTree`` are append-only by trigger, leaves go in time."""

from django.db import models


class Night(models.Model):
    """One publication: the statement that everybody sees, chained to the night before.

    ``digest = sha256(previous || statement)``, see ``exchange_kernel.proofs``. ``secret`` makes the salts of the leaves
    and is never shown: without it the tree tells nothing about anybody.
    """

    day = models.DateField(unique=True)
    previous = models.CharField(max_length=64, blank=True, unique=True)
    digest = models.CharField(max_length=64, unique=True)
    statement = models.TextField()
    secret = models.BinaryField()
    published = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-day"]

    def __str__(self) -> str:
        return f"{self.day}"


class LiabilityTree(models.Model):
    """The tree of one asset: its root, and in ``top`` all nodes from the roots of its chunks up (48 bytes each)."""

    night = models.ForeignKey(Night, on_delete=models.PROTECT, related_name="trees")
    asset = models.CharField(max_length=10)
    leaves = models.BigIntegerField()
    root = models.BinaryField()
    total = models.DecimalField(max_digits=38, decimal_places=0)
    top = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["night", "asset"], name="liability_tree_of_a_night")]

    def __str__(self) -> str:
        return f"{self.asset} of night {self.night_id}"


class LeafChunk(models.Model):
    """Up to 1,024 leaves of a tree in the order of their salts: salt (16), user (8), units (16 bytes, big-endian)."""

    tree = models.ForeignKey(LiabilityTree, on_delete=models.CASCADE, related_name="chunks")
    number = models.PositiveIntegerField()
    first_salt = models.BinaryField()
    data = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tree", "number"], name="leaf_chunk_of_a_tree")]
        indexes = [models.Index(fields=["tree", "first_salt"], name="leaf_chunk_by_salt")]

    def __str__(self) -> str:
        return f"chunk {self.number} of tree {self.tree_id}"
