"""Tables of the engine: the journal is the truth about a risk group, the rest is its head, its past and its speed.

Everything is keyed by integers (risk group, market, account) and has no foreign key upward. ``JournalBatch``,
``FillPage``, ``TradePage``, ``OrderRecord`` and ``Bill`` are append-only, by trigger and by revoked privileges. Times
that belong to the kernel are milliseconds since 1970 (``_ms``); times that belong to PostgreSQL are timestamps of its
own clock.
"""

from django.db import models
from django.db.models.functions import Now


class RiskGroup(models.Model):
    """The head of one group's journal and who may write to it.

    ``epoch`` counts owners; a batch of an older epoch is refused by ``engine_append_batch``. ``owner`` is the worker
    (``name/incarnation``) and ``owner_key`` the advisory lock its database session holds while it lives.
    ``stream_cursor`` and ``stream_generation`` name the last stream entry whose effect is in the journal.
    ``candles_sequence`` is the sequence up to which candles are stored. ``crash_*`` count failures at one place.
    """

    class Status(models.TextChoices):
        ACTIVE = "active", "active"
        CANCEL_ONLY = "cancel_only", "cancel only"
        HALTED = "halted", "halted"

    epoch = models.BigIntegerField(default=0)
    owner = models.CharField(max_length=200, default="", blank=True)
    owner_key = models.BigIntegerField(default=0)
    lease_expires_at = models.DateTimeField(null=True)
    head_sequence = models.BigIntegerField(default=0)
    head_hash = models.BinaryField(default=b"")
    kernel_now_ms = models.BigIntegerField(default=0)
    next_timer_ms = models.BigIntegerField(null=True)
    stream_cursor = models.CharField(max_length=48, default="0-0")
    stream_generation = models.CharField(max_length=32, default="", blank=True)
    candles_sequence = models.BigIntegerField(default=0)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.ACTIVE)
    crash_sequence = models.BigIntegerField(default=-1)
    crash_count = models.IntegerField(default=0)
    crash_entry = models.CharField(max_length=48, default="", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["next_timer_ms"],
                name="engine_group_timer",
                condition=models.Q(next_timer_ms__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"risk group {self.pk} at {self.head_sequence}"


class JournalBatch(models.Model):
    """One committed batch: the raw command frames and the link of the hash chain.

    ``hash = sha256(previous_hash || header || commands)``, the header being the little-endian 64-bit integers group,
    epoch, first sequence, last sequence and ``now_ms``; the first batch follows the empty hash.
    """

    pk = models.CompositePrimaryKey("group_id", "first_sequence")
    group_id = models.BigIntegerField()
    first_sequence = models.BigIntegerField()
    last_sequence = models.BigIntegerField()
    epoch = models.BigIntegerField()
    now_ms = models.BigIntegerField()
    commands = models.BinaryField()
    previous_hash = models.BinaryField()
    hash = models.BinaryField()
    stream_cursor = models.CharField(max_length=48)
    committed_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "journal batches"


class Snapshot(models.Model):
    """A kernel's state after ``sequence`` commands; the newest two of a group are kept.

    ``sha256`` is that of ``data`` (zlib) and is checked before the snapshot is believed; ``journal_hash`` is the
    chain's hash at that sequence, which the first batch replayed on top must follow. ``size`` is the state's, in
    bytes.
    """

    group_id = models.BigIntegerField()
    sequence = models.BigIntegerField()
    version = models.IntegerField()
    journal_hash = models.BinaryField()
    sha256 = models.BinaryField()
    size = models.BigIntegerField()
    data = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["group_id", "sequence"], name="engine_snapshot_place")]


class FillPage(models.Model):
    """Fills of one account in one commit, packed by the kernel's ``pack_fills``, oldest first.

    ``place`` and ``time_ms`` are those of the last one, its place being twice its trade id, and one more for the taker.
    Partitioned by month. Read by ``engine.history``; anyone else sees ``Fill``.
    """

    pk = models.CompositePrimaryKey("group_id", "account", "place", "time_ms")
    group_id = models.BigIntegerField()
    account = models.BigIntegerField()
    place = models.BigIntegerField()
    time_ms = models.BigIntegerField()
    data = models.BinaryField()


class TradePage(models.Model):
    """Public trades of one market in one commit, packed as ``FillPage``; ``place`` is the last trade's id."""

    pk = models.CompositePrimaryKey("group_id", "market", "place", "time_ms")
    group_id = models.BigIntegerField()
    market = models.IntegerField()
    place = models.BigIntegerField()
    time_ms = models.BigIntegerField()
    data = models.BinaryField()


class OrderRecord(models.Model):
    """An order that has traded and is over, packed by the kernel's ``pack_orders``; ``ClosedOrder`` shows it.

    The one index, the primary key, serves an account's history, newest first, and the look-up of its order by id.
    """

    pk = models.CompositePrimaryKey("group_id", "account", "order_id", "closed_ms")
    group_id = models.BigIntegerField()
    account = models.BigIntegerField()
    order_id = models.BigIntegerField()
    closed_ms = models.BigIntegerField()
    data = models.BinaryField()


class Fill(models.Model):
    """One order's side of a trade, as the kernel wrote it; ``fee`` is in units of ``fee_asset``, negative a rebate.

    ``flags`` are the order's (``FLAG_…`` of the kernel), ``mark_ticks`` the mark of a perpetual; both are 0 in records
    from before they were kept. A view of ``FillPage``: a query for an account unpacks all its pages, so lists come from
    ``engine.history``.
    """

    pk = models.CompositePrimaryKey("group_id", "trade_id", "role")
    group_id = models.BigIntegerField()
    sequence = models.BigIntegerField()
    trade_id = models.BigIntegerField()
    market = models.IntegerField()
    account = models.BigIntegerField()
    order_id = models.BigIntegerField()
    client_id = models.TextField()
    side = models.SmallIntegerField()
    role = models.SmallIntegerField()
    price_ticks = models.BigIntegerField()
    size_lots = models.BigIntegerField()
    notional = models.BigIntegerField()
    fee = models.BigIntegerField()
    fee_asset = models.IntegerField()
    key = models.BigIntegerField()
    time_ms = models.BigIntegerField()
    flags = models.SmallIntegerField(default=0)
    mark_ticks = models.BigIntegerField(default=0)

    class Meta:
        managed = False


class ClosedOrder(models.Model):
    """An order that has traded and is over. Orders cancelled without a fill are kept by the kernel for a while.

    ``flags`` and ``stp`` are 0 in records from before they were kept. A view of ``OrderRecord``.
    """

    pk = models.CompositePrimaryKey("group_id", "account", "order_id")
    group_id = models.BigIntegerField()
    sequence = models.BigIntegerField()
    order_id = models.BigIntegerField()
    account = models.BigIntegerField()
    market = models.IntegerField()
    client_id = models.TextField()
    side = models.SmallIntegerField()
    order_type = models.SmallIntegerField()
    tif = models.SmallIntegerField()
    post_only = models.BooleanField()
    price_ticks = models.BigIntegerField()
    size_lots = models.BigIntegerField()
    filled_lots = models.BigIntegerField()
    filled_quote = models.BigIntegerField()
    fee = models.BigIntegerField()
    state = models.SmallIntegerField()
    reason = models.SmallIntegerField()
    key = models.BigIntegerField()
    created_ms = models.BigIntegerField()
    closed_ms = models.BigIntegerField()
    flags = models.SmallIntegerField(default=0)
    stp = models.SmallIntegerField(default=0)

    class Meta:
        managed = False


class Bill(models.Model):
    """One movement of a position or of cash outside a plain trade; ``kind`` is one of the kernel's ``BILL_KINDS``.

    Amounts are in units of the market's quote (settlement) asset, signed as the account sees them; ``fee`` is positive
    if charged and not part of ``amount``; ``market`` is -1 where none is meant; what ``extra`` says depends on the kind
    (``kernel/src/bills.rs``). The table is partitioned by the month of ``time_ms``.
    """

    pk = models.CompositePrimaryKey("group_id", "account", "sequence", "bill_no", "time_ms")
    group_id = models.BigIntegerField()
    sequence = models.BigIntegerField()
    bill_no = models.IntegerField()
    account = models.BigIntegerField()
    market = models.IntegerField()
    kind = models.SmallIntegerField()
    lots = models.BigIntegerField()
    price_ticks = models.BigIntegerField()
    amount = models.BigIntegerField()
    fee = models.BigIntegerField()
    cash_after = models.BigIntegerField()
    extra = models.BigIntegerField()
    time_ms = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["group_id", "market", "kind", "sequence"], name="engine_bill_market")]


class ClosedAlgo(models.Model):
    """An algo order that is over: fired, failed or cancelled. The table is partitioned by the month of ``closed_ms``.

    ``kind`` and ``state`` are indices of the kernel's ``ALGO_KINDS`` and ``ALGO_STATES``, ``code`` its reject where the
    order it had to place was refused; the first leg is the take-profit of a pair, the second its stop-loss.
    """

    pk = models.CompositePrimaryKey("group_id", "account", "algo_id", "closed_ms")
    group_id = models.BigIntegerField()
    sequence = models.BigIntegerField()
    algo_id = models.BigIntegerField()
    account = models.BigIntegerField()
    market = models.IntegerField()
    client_id = models.TextField()
    kind = models.SmallIntegerField()
    state = models.SmallIntegerField()
    reason = models.SmallIntegerField()
    code = models.IntegerField()
    side = models.SmallIntegerField()
    reduce_only = models.BooleanField()
    quote_size = models.BooleanField()
    whole_position = models.BooleanField()
    size_lots = models.BigIntegerField()
    done_lots = models.BigIntegerField()
    order_id = models.BigIntegerField()
    parent_id = models.BigIntegerField()
    fired_leg = models.SmallIntegerField()
    first_trigger_ticks = models.BigIntegerField()
    first_price_ticks = models.BigIntegerField()
    first_source = models.SmallIntegerField()
    first_rises = models.BooleanField()
    second_trigger_ticks = models.BigIntegerField()
    second_price_ticks = models.BigIntegerField()
    second_source = models.SmallIntegerField()
    second_rises = models.BooleanField()
    distance_ticks = models.BigIntegerField()
    distance_ppm = models.IntegerField()
    floats = models.BooleanField()
    slice_lots = models.BigIntegerField()
    best_ticks = models.BigIntegerField()
    interval_ms = models.BigIntegerField()
    expires_ms = models.BigIntegerField()
    key = models.BigIntegerField()
    created_ms = models.BigIntegerField()
    closed_ms = models.BigIntegerField()


class Candle(models.Model):
    """One minute of a market's trades: prices in ticks, volume in lots, quote volume in quote units."""

    pk = models.CompositePrimaryKey("group_id", "market", "minute_ms")
    group_id = models.BigIntegerField()
    market = models.IntegerField()
    minute_ms = models.BigIntegerField()
    open = models.BigIntegerField()
    high = models.BigIntegerField()
    low = models.BigIntegerField()
    close = models.BigIntegerField()
    volume_lots = models.BigIntegerField()
    quote_volume = models.BigIntegerField()
    trades = models.BigIntegerField()


class PriceCandle(models.Model):
    """One minute of a market's mark or index price, in ticks; a minute without a move has none."""

    class What(models.IntegerChoices):
        """Which price."""

        MARK = 0, "mark"
        INDEX = 1, "index"

    pk = models.CompositePrimaryKey("group_id", "market", "what", "minute_ms")
    group_id = models.BigIntegerField()
    market = models.IntegerField()
    what = models.SmallIntegerField(choices=What.choices)
    minute_ms = models.BigIntegerField()
    open = models.BigIntegerField()
    high = models.BigIntegerField()
    low = models.BigIntegerField()
    close = models.BigIntegerField()


class Incident(models.Model):
    """Something an operator must see: a quarantined entry, a bad snapshot, a broken chain, a halt, an outage.

    Of an outage ``stream_entry`` is what has waited longest, ``sequence`` the journal's end when it was noticed, and
    ``ended_at`` when the entry was seen to be answered.
    """

    class Kind(models.TextChoices):
        QUARANTINE = "quarantine", "command set aside"
        SNAPSHOT = "snapshot", "snapshot not usable"
        JOURNAL = "journal", "journal does not hold"
        HALT = "halt", "group halted"
        CLOCK = "clock", "clock stepped"
        OUTAGE = "outage", "does not answer"

    group_id = models.BigIntegerField()
    sequence = models.BigIntegerField(default=0)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    message = models.TextField()
    stream_entry = models.CharField(max_length=48, default="", blank=True)
    commands = models.BinaryField(default=b"")
    resolved = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["group_id", "-created_at"], name="engine_incident_group")]
        constraints = [
            models.UniqueConstraint(
                fields=["group_id"],
                condition=models.Q(kind="outage", ended_at=None),
                name="engine_outage_open_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} in risk group {self.group_id} at {self.sequence}"
