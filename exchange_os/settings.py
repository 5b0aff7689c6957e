"""Settings, all of them from the environment with defaults that suit one machine.

``DATABASE_URL`` and ``REDIS_URL`` point at PostgreSQL and at Redis or Valkey. ``make run`` provides both and writes
their addresses to ``DATA_DIR/environment``, so that ``manage.py`` in another terminal finds them too.
"""

from pathlib import Path
from typing import Any

from csp.constants import NONCE
from environs import Env

env = Env()
BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.str("DATA_DIR", str(BASE_DIR / ".run"))).absolute()
if (DATA_DIR / "environment").is_file():
    env.read_env(DATA_DIR / "environment", recurse=False, override=False)

DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY", "")
# True behind a proxy that ends TLS: cookies are then sent over TLS only and browsers are told to stay with it.
HTTPS = env.bool("HTTPS", False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])
SITE_ID = 1

INSTALLED_APPS = [
    "exchange_os.apps.ExchangeOSConfig",
    "exchange_os.apps.OperatorConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "channels",
    "django_htmx",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "exchange_os.identity",
    "exchange_os.parameters",
    "exchange_os.engine",
    "exchange_os.ledger",
    "exchange_os.oracles",
    "venues",
    "trading",
    "governance",
    "exchange_os.transparency",
    "exchange_os.operations",
]

MIDDLEWARE = [
    "exchange_os.logs.RequestIdMiddleware",
    "exchange_os.operations.meters.RequestMeter",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",  # pads at random, so that a secret's length does not show (BREACH)
    "csp.middleware.CSPMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "exchange_os.private_answers.PrivateAnswers",
    "exchange_os.operations.actor.ActorMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "exchange_os.ui.toasts.MessagesToToasts",
    "exchange_os.idle.IdleSessions",
]

ROOT_URLCONF = "exchange_os.urls"
ASGI_APPLICATION = "exchange_os.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["exchange_os.ui.tags"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "exchange_os.ui.appearance.context",
                "exchange_os.operations.banner.context",
            ],
        },
    }
]

# Address of the web server of `make run`, if it runs with this data folder.
EXCHANGE_OS_URL = env.str("EXCHANGE_OS_URL", "")

# PostgreSQL: the only source of truth. A request that waits longer than this holds its locks too long.
DATABASES = {"default": env.dj_db_url("DATABASE_URL", "postgresql://exchange_os@127.0.0.1:5432/exchange_os")}
# The role the programs sign in as, where it is another than the owner of the schema: `prepare`, run as the owner, gives
# it what it needs and nothing else.
DATABASE_APP_ROLE = env.str("DATABASE_APP_ROLE", "")
DATABASES["default"]["CONN_MAX_AGE"] = 0
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DATABASES["default"]["OPTIONS"] = {
    **DATABASES["default"].get("OPTIONS", {}),
    "options": "-c synchronous_commit=on -c statement_timeout=30s -c idle_in_transaction_session_timeout=30s",
    # Signing in to PostgreSQL costs milliseconds, and an ASGI request has a thread of its own: connections are pooled.
    "pool": {"min_size": 1, "max_size": env.int("DATABASE_POOL", 20), "timeout": 5.0, "max_idle": 120.0},
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Redis or Valkey: carries only what may be lost. Broker, streams and channel layer each have a database of their own.
REDIS_URL = env.str("REDIS_URL", "redis://127.0.0.1:6379")
REDIS_STREAM_URL = f"{REDIS_URL.rstrip('/')}/0"
REDIS_BROKER_URL = f"{REDIS_URL.rstrip('/')}/1"
REDIS_CHANNELS_URL = f"{REDIS_URL.rstrip('/')}/2"
REDIS_CACHE_URL = f"{REDIS_URL.rstrip('/')}/3"

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_CHANNELS_URL], "capacity": 200},
    }
}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_CACHE_URL}}

# Celery: tasks are at-least-once doorbells, every fact is in PostgreSQL. An unacknowledged task comes back after
# the visibility timeout, which Celery reads from three places and which must be the same in all of them.
_VISIBILITY_TIMEOUT_SECONDS = 300
CELERY_BROKER_URL = REDIS_BROKER_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": _VISIBILITY_TIMEOUT_SECONDS,
    "socket_keepalive": True,
    "socket_connect_timeout": 5,
    "socket_timeout": 10,
    "health_check_interval": 10,
}
CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = {"visibility_timeout": _VISIBILITY_TIMEOUT_SECONDS}
CELERY_VISIBILITY_TIMEOUT = _VISIBILITY_TIMEOUT_SECONDS
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_STORE_ERRORS_EVEN_IF_IGNORED = False
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_TIME_LIMIT = 120
CELERY_TASK_SOFT_TIME_LIMIT = 90
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 30
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_TIMEZONE = "UTC"

# Accounts.
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = env.str("ACCOUNT_EMAIL_VERIFICATION", "optional")
ACCOUNT_RATE_LIMITS = {"wallet_challenge": "30/m/ip"}  # the other limits are allauth's own
# Changing an address or a password asks once more who is there, unless they proved it within five minutes.
ACCOUNT_REAUTHENTICATION_REQUIRED = True
# Second factors: an app's codes, passkeys, and recovery codes for the day both are lost.
ACCOUNT_FORMS = {"signup": "exchange_os.identity.forms.SignUp"}
ACCOUNT_ADAPTER = "exchange_os.identity.adapters.AccountAdapter"
MFA_ADAPTER = "exchange_os.identity.adapters.MFAAdapter"
MFA_FORMS = {
    "add_webauthn": "exchange_os.identity.forms.AddPasskey",
    "signup_webauthn": "exchange_os.identity.forms.SignUpPasskey",
    "authenticate_webauthn": "exchange_os.identity.forms.AuthenticatePasskey",
    "login_webauthn": "exchange_os.identity.forms.LoginPasskey",
    "reauthenticate_webauthn": "exchange_os.identity.forms.ReauthenticatePasskey",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True  # a newcomer can protect an account before any letter has arrived
MFA_TOTP_TOLERANCE = 1  # clocks of telephones drift: the codes before and after count too
MFA_TOTP_ISSUER = "Exchange OS"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS
USERSESSIONS_TRACK_ACTIVITY = (
    False  # a session is listed when it begins; a write at every request would buy little
)
# Members of the committee and staff only.
IDLE_SESSION_SECONDS = env.int("IDLE_SESSION_SECONDS", 900)
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
EMAIL_BACKEND = env.str("EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend")
EMAIL_HOST, EMAIL_PORT = env.str("EMAIL_HOST", "localhost"), env.int("EMAIL_PORT", 587)
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = env.str("EMAIL_HOST_USER", ""), env.str("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS, EMAIL_TIMEOUT = env.bool("EMAIL_USE_TLS", True), 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("DEFAULT_FROM_EMAIL", "") or "exchange@localhost"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# The markets' step of a large launch has some twenty inputs a market.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 25_000

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
# False serves the files of static/ as they are, without collecting them first: for tests and for work on pages.
STATIC_COLLECTED = env.bool("STATIC_COLLECTED", True)
WHITENOISE_USE_FINDERS = not STATIC_COLLECTED
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "exchange_os.static_files.StaticFiles"
        if STATIC_COLLECTED
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# Content security: no script and no style but our own.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'", NONCE],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
        "object-src": ["'none'"],
    }
}
PERMISSIONS_POLICY: dict[str, list[str]] = {
    name: [] for name in ("camera", "display-capture", "geolocation", "microphone", "payment", "usb")
}
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
# Probes and collectors come from inside, without TLS.
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
#: Proxies whose X-Forwarded-For counts: addresses and networks with commas between; "" is this machine alone.
FORWARDED_ALLOW_IPS = env.str("FORWARDED_ALLOW_IPS", default="")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "exchange_os.ui.views.csrf_failure"

# Logs: one JSON object a line on standard output.
LOGGING_CONFIG = "exchange_os.logs.configure"
LOGGING: dict[str, Any] = {"level": env.str("LOG_LEVEL", "INFO")}

# Price oracles. Private addresses may be asked on closed networks and in tests only.
ORACLE_ALLOW_PRIVATE = env.bool("ORACLE_ALLOW_PRIVATE", False)
ORACLE_REPLAY_DIR = env.str("ORACLE_REPLAY_DIR", str(DATA_DIR / "recordings"))
ORACLE_OBSERVATION_DAYS = env.int("ORACLE_OBSERVATION_DAYS", 7)

# The protocol. Minimums of stake, multiples, shares, bonds and notices are what it starts with: decisions of the
# committee change them while it runs (exchange_os/parameters), and then what stands here no longer counts.
STAKE_ASSET = env.str("STAKE_ASSET", "OKB")
MIN_STAKE = env.str("MIN_STAKE", "1000")
# A venue needs what the dearest of its kinds of markets asks for.
MIN_STAKES = {
    "spot": MIN_STAKE,
    "swap": env.str("MIN_STAKE_PERPETUAL", MIN_STAKE),
    "outcome": env.str("MIN_STAKE_OUTCOME", MIN_STAKE),
    "front": env.str("MIN_STAKE_FRONT", "250"),  # a venue that shows another's books
}
# How long stake that a deployer asks back stays within reach of a slash.
UNBONDING_DAYS = env.int("UNBONDING_DAYS", 7)
# What one unit of the stake asset is worth in an asset that contracts may settle in, and how many times the value of
# its stake a venue's open interest may reach.
STAKE_PRICES = env.dict("STAKE_PRICES", default={"USD": "48"})
# Where that price comes from, if anywhere: "venue/SYMBOL" of a market whose index it is, by settlement asset. Only an
# index counts, because it comes from outside the platform; without a fresh one the last price known stays.
STAKE_PRICE_MARKETS: dict[str, str] = env.dict("STAKE_PRICE_MARKETS", default={})
STAKE_PRICE_STEP_PERCENT = env.int("STAKE_PRICE_STEP_PERCENT", 1)  # smaller moves do not move capacities
STAKE_PRICE_WARN_PERCENT = env.int("STAKE_PRICE_WARN_PERCENT", 5)  # a fall that deployers are told of
# The asset in which an account over all venues is valued.
VALUE_ASSET = env.str("VALUE_ASSET", "USD")
# The address of the venue that the first page leads with, if it has many events; none unless named.
FEATURED_VENUE = env.str("FEATURED_VENUE", "")
CAPACITY_MULTIPLE = env.int("CAPACITY_MULTIPLE", 10)
PROTOCOL_SHARE_PPM = env.int("PROTOCOL_SHARE_PPM", 100_000)

# The end of events. What each side of a dispute puts up, in the stake asset; the least time to challenge a result; for
# how long after trading the deployer alone may propose one; when it is void without one, and when a dispute that nobody
# judged is.
DISPUTE_BOND = env.str("DISPUTE_BOND", "100")
MIN_CHALLENGE_SECONDS = env.int("MIN_CHALLENGE_SECONDS", 3600)
RESOLUTION_GRACE_SECONDS = env.int("RESOLUTION_GRACE_SECONDS", 3 * 86_400)
RESOLUTION_DEADLINE_SECONDS = env.int("RESOLUTION_DEADLINE_SECONDS", 14 * 86_400)
DISPUTE_DEADLINE_SECONDS = env.int("DISPUTE_DEADLINE_SECONDS", 14 * 86_400)
# How long before its end both sides of a front hear of it.
FRONT_NOTICE_DAYS = env.int("FRONT_NOTICE_DAYS", 7)
# How long traders hear of a rise of fees before it takes effect, and the most that a venue may give to referrers.
FEE_NOTICE_HOURS = env.int("FEE_NOTICE_HOURS", 72)
# How long traders hear of a change of rules that can hurt them, how long one person may halt a venue, and how long a
# venue that winds down goes on at least.
CHANGE_NOTICE_HOURS = env.int("CHANGE_NOTICE_HOURS", 72)
HALT_HOURS = env.int("HALT_HOURS", 24)
WIND_DOWN_HOURS = env.int("WIND_DOWN_HOURS", 72)
MAX_REFERRAL_PPM = env.int("MAX_REFERRAL_PPM", 500_000)

# A Prometheus server reads /metrics with this bearer token; without one there is no such address.
METRICS_TOKEN = env.str("METRICS_TOKEN", "")

# How long money waits before it is sent to an address which its owner has not used before.
WITHDRAWAL_HOLD_SECONDS = env.int("WITHDRAWAL_HOLD_SECONDS", 86_400 if HTTPS else 60)

# The public trading API. Newest encryption key of secrets first; without one, SECRET_KEY stands in.
API_SECRET_KEYS: list[str] = env.list("API_SECRET_KEYS", [])
API_RATE_FACTOR = env.int("API_RATE_FACTOR", 1)  # multiplies every rate limit
