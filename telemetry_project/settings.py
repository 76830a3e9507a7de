"""Settings of Tally: everything comes from the environment, with defaults that run on one machine."""

from pathlib import Path
from typing import Any

import django_stubs_ext
import environ
from celery.schedules import crontab
from kombu import Queue

from telemetry_project.secret import local_secret
from telemetry_project.stack import paths
from telemetry_project.unfold import UNFOLD

BASE_DIR = Path(__file__).resolve().parent.parent
DATA = paths.data_folder()

env = environ.Env()
# Lets Django's generic classes be written with their types at run time too, as mypy reads them.
django_stubs_ext.monkeypatch()

# --- General --------------------------------------------------------------------------------------

# Show Django's error pages. Never in production.
DEBUG = env.bool("DEBUG", default=False)
# Signs cookies and links.
SECRET_KEY = env.str("SECRET_KEY", default="") or local_secret(DATA)
# Host names that requests may use.
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]", "testserver"])
# Further origins, such as https://tally.example, whose forms are accepted.
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# Public address of Tally, used for links in mails.
BASE_URL = env.str("BASE_URL", default=f"http://localhost:{env.str('PORT', default='8000')}")
ROOT_URLCONF = "telemetry_project.urls"
WSGI_APPLICATION = "telemetry_project.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TIME_ZONE = "UTC"
USE_TZ = True
LANGUAGE_CODE = "en-gb"

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "events",
    "events.accounts",
    "ingestion",
    "reports",
    "reports.rollups",
    "reports.cost",
    "reports.mail",
    "reports.digests",
    "telemetry_project",
]

MIDDLEWARE = [
    # Health checks are answered for any Host, and before the redirect to HTTPS.
    "telemetry_project.web.health.HealthGate",
    # Next, so that posted events skip everything meant for people: see ingestion/receiving/gate.py.
    "ingestion.receiving.gate.IngestGate",
    "events.api.plain_http.RefusePlainHttp",
    "django.middleware.security.SecurityMiddleware",
    "telemetry_project.web.content_policy.ContentPolicy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "telemetry_project.web.parameters.CheckParameters",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    # Before whatever writes to the audit trail.
    "telemetry_project.web.sender.SenderHash",
    "django_otp.middleware.OTPMiddleware",
    "events.accounts.second_factor.SecondFactorGate",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- Database -------------------------------------------------------------------------------------

EMBEDDED_DATABASE_URL = f"postgres:///tally?host={paths.postgres_socket_folder(DATA)}&user=postgres"
# PostgreSQL 15 or newer.
DATABASES: dict[str, Any] = {"default": env.db_url("DATABASE_URL", default=EMBEDDED_DATABASE_URL)}
# Create the demo at the first start.
DEMO = env.bool("TALLY_DEMO", default=not env.str("DATABASE_URL", default=""))
DATABASES["default"] |= {
    "ENGINE": "events.partitioned",
    "CONN_MAX_AGE": env.int("CONN_MAX_AGE", default=600),  # Seconds that a database connection is reused.
}
DATABASES["default"].setdefault("OPTIONS", {})["options"] = (
    # Milliseconds to wait for a lock in the database. Beyond them the sender gets 503 and tries again.
    f"-c lock_timeout={env.int('DB_LOCK_TIMEOUT_MS', default=5_000)}"
    # Milliseconds that a statement may take. Beyond them the sender gets 503 and tries again.
    f" -c statement_timeout={env.int('DB_STATEMENT_TIMEOUT_MS', default=60_000)}"
    " -c enable_partitionwise_join=on"
)

# --- Broker, cache --------------------------------------------------------------------------------

VALKEY_SOCKET = paths.valkey_socket(DATA)
# Redis or Valkey for the broker, the cache and rate limits.
REDIS_URL = env.str("REDIS_URL", default="")
# Another broker for Celery.
CELERY_BROKER_URL = env.str("BROKER_URL", default=REDIS_URL or f"redis+socket://{VALKEY_SOCKET}")
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Longer than any task may take: the broker redelivers a task that isn't acknowledged by then.
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3 * 3600}
# Lanes: queues with workers of their own, so that neither a slow mail server nor a long job holds up filing
# (docs/how-to/run-workers.md). Every task is in this table; a queue that isn't can't be sent to.
LANES = {
    "filing": ("ingestion.drain",),
    "rollups": ("events.summarise", "rollups.fold", "events.limit_readers"),
    "mail": ("reports.mail", "reports.digests", "events.webhooks"),
    "jobs": (
        "ingestion.replay",
        "events.export",
        "events.clean",
        "cost.charge",
        "cost.budgets",
        "events.manage_partitions",
        "events.remove_old",
        "rollups.remove_old",
    ),
}
CELERY_TASK_QUEUES = [Queue(lane, routing_key=lane) for lane in LANES]
CELERY_TASK_ROUTES = {task: {"queue": lane} for lane, tasks in LANES.items() for task in tasks}
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_TASK_DEFAULT_QUEUE = "jobs"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_SERIALIZER = "json"
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = {
    # A tick that no worker took in time is dropped, so that a day without workers leaves no flood.
    "drain": {"task": "ingestion.drain", "schedule": 1.0, "options": {"expires": 2.0}},
    "summarise": {"task": "events.summarise", "schedule": 5.0, "options": {"expires": 10.0}},
    "fold": {"task": "rollups.fold", "schedule": 15.0, "options": {"expires": 15.0}},
    # A request only writes down the replay that it asks for, so that it needs no broker.
    "replay": {"task": "ingestion.replay", "schedule": 2.0, "options": {"expires": 4.0}},
    "export": {"task": "events.export", "schedule": 2.0, "options": {"expires": 4.0}},
    "webhooks": {"task": "events.webhooks", "schedule": 2.0, "options": {"expires": 4.0}},
    "limit_readers": {"task": "events.limit_readers", "schedule": 15.0, "options": {"expires": 15.0}},
    "clean": {"task": "events.clean", "schedule": 3600.0, "options": {"expires": 3600.0}},
    "charge": {"task": "cost.charge", "schedule": 120.0, "options": {"expires": 240.0}},
    # With usage that changed in closed months, which replays and late removals alone bring about.
    "correct": {
        "task": "cost.charge",
        "schedule": 3600.0,
        "kwargs": {"history": True},
        "options": {"expires": 3600.0},
    },
    "budgets": {"task": "cost.budgets", "schedule": 600.0, "options": {"expires": 600.0}},
    "mail": {"task": "reports.mail", "schedule": 60.0, "options": {"expires": 60.0}},
    "digests": {"task": "reports.digests", "schedule": 60.0, "options": {"expires": 60.0}},
    "partitions": {"task": "events.manage_partitions", "schedule": 3600.0, "options": {"expires": 3600.0}},
    # At night (UTC): while a week is dropped, everybody waits for a moment.
    "remove_old": {
        "task": "events.remove_old",
        "schedule": crontab(hour="2", minute="17"),
        "options": {"expires": 3600.0},
    },
    "remove_old_rollups": {
        "task": "rollups.remove_old",
        "schedule": crontab(hour="2", minute="47"),
        "options": {"expires": 3600.0},
    },
}

# --- Mail -----------------------------------------------------------------------------------------

vars().update(
    # The mail server, such as smtp+tls://user:password@mail.example:587.
    env.email_url("EMAIL_URL")
    if env.str("EMAIL_URL", default="")
    else {
        "EMAIL_BACKEND": "reports.mail.files.EmailBackend",
        "EMAIL_FILE_PATH": str(DATA / "mail"),
    }
)
# All mail goes through reports/mail/delivery.py. Django sends none: no ADMINS.

# Sender of all mails.
MAIL_FROM = env.str("MAIL_FROM", default="Tally <tally@localhost>")
# Seconds to wait for the mail server.
EMAIL_TIMEOUT = env.float("MAIL_TIMEOUT_SECONDS", default=20.0)
# Seconds between two mails.
MAIL_PAUSE_SECONDS = env.float("MAIL_PAUSE_SECONDS", default=0.2)
# Days to keep the copy of a sent mail. Its record stays. 0 keeps copies forever.
MAIL_COPIES_DAYS = env.int("MAIL_COPIES_DAYS", default=90)

# --- Webhooks -------------------------------------------------------------------------------------

# Networks besides the internet that webhooks may be posted to, such as 10.1.0.0/16.
WEBHOOK_ALLOWED_NETWORKS = env.list("WEBHOOK_ALLOWED_NETWORKS", default=[])
# Accept URLs with http:// too, for development.
WEBHOOK_ALLOW_HTTP = env.bool("WEBHOOK_ALLOW_HTTP", default=False)
# Days to keep the log of deliveries.
WEBHOOK_LOG_DAYS = env.int("WEBHOOK_LOG_DAYS", default=7)

# --- Limits of ingestion --------------------------------------------------------------------------

# Largest request body in bytes, after decompression.
INGEST_MAX_BODY_BYTES = env.int("INGEST_MAX_BODY_BYTES", default=5 * 1024 * 1024)
# Most events in a request.
INGEST_MAX_EVENTS = env.int("INGEST_MAX_EVENTS", default=5_000)
# Largest event in bytes.
INGEST_MAX_EVENT_BYTES = env.int("INGEST_MAX_EVENT_BYTES", default=1024 * 1024)
# Most keys in an event.
INGEST_MAX_KEYS = env.int("INGEST_MAX_KEYS", default=20_000)
# Most keys and list items in an event, at all depths.
INGEST_MAX_ELEMENTS = env.int("INGEST_MAX_ELEMENTS", default=50_000)
# Most keys and list items in a request, at all depths.
INGEST_MAX_BODY_ELEMENTS = env.int("INGEST_MAX_BODY_ELEMENTS", default=250_000)
# Beyond 3 MiB, a compressed body may inflate to at most this many times its size.
INGEST_MAX_INFLATE_RATIO = env.int("INGEST_MAX_INFLATE_RATIO", default=40)
# Deepest nesting of an event.
INGEST_MAX_DEPTH = env.int("INGEST_MAX_DEPTH", default=100)
# Older events are rejected (`too_old`).
EVENT_MAX_AGE_DAYS = env.int("EVENT_MAX_AGE_DAYS", default=400)
# Events further in the future are rejected.
EVENT_MAX_AHEAD_HOURS = env.int("EVENT_MAX_AHEAD_HOURS", default=24)
# Most owners that messages may create in an organization.
MAX_OWNERS = env.int("MAX_OWNERS", default=1_000)
# Most sources that an owner's events may create.
MAX_SOURCES = env.int("MAX_SOURCES", default=1_000)
# Most bytes of an owner that may wait to be filed. Beyond them, requests get 429 `inbox_full`. Operators can
# set another limit on the owner's page.
OWNER_MAX_WAITING_BYTES = env.int("OWNER_MAX_WAITING_BYTES", default=512 * 1024 * 1024)
# Most bytes of an owner's rejected events, with 1 KiB for each row. Beyond them, requests get 429
# `rejected_full`. Operators can set another limit on the owner's page.
OWNER_MAX_REJECTED_BYTES = env.int("OWNER_MAX_REJECTED_BYTES", default=1024 * 1024 * 1024)
# Limit the rate of requests.
RATE_LIMITS = env.bool("RATE_LIMITS", default=True)
# Requests per second that an API key may send.
RATE_LIMIT_KEY_PER_SECOND = env.float("RATE_LIMIT_KEY_PER_SECOND", default=1_000.0)
# Requests that an API key may send at once.
RATE_LIMIT_KEY_BURST = env.int("RATE_LIMIT_KEY_BURST", default=2_000)
# Requests per second from one IP address.
RATE_LIMIT_ADDRESS_PER_SECOND = env.float("RATE_LIMIT_ADDRESS_PER_SECOND", default=2_000.0)
# Requests at once from one IP address.
RATE_LIMIT_ADDRESS_BURST = env.int("RATE_LIMIT_ADDRESS_BURST", default=4_000)
# Requests per second of a reader of the API: a secret key or a person.
RATE_LIMIT_READER_PER_SECOND = env.float("RATE_LIMIT_READER_PER_SECOND", default=20.0)
# Requests at once of a reader of the API.
RATE_LIMIT_READER_BURST = env.int("RATE_LIMIT_READER_BURST", default=200)
# Most requests that the drain files in one block.
DRAIN_BLOCK_REQUESTS = env.int("DRAIN_BLOCK_REQUESTS", default=500)
# Most events that the drain files in one block.
DRAIN_BLOCK_EVENTS = env.int("DRAIN_BLOCK_EVENTS", default=4_000)
# Most bytes that the drain files in one block.
DRAIN_BLOCK_BYTES = env.int("DRAIN_BLOCK_BYTES", default=8 * 1024 * 1024)
# Weeks for which partitions are created in advance.
PARTITION_WEEKS_AHEAD = env.int("PARTITION_WEEKS_AHEAD", default=3)
# Weeks of events to keep. Older events are removed, and late ones rejected. 0 keeps all.
RETENTION_WEEKS = env.int("RETENTION_WEEKS", default=0)
# Weeks of sessions and rollups to keep, at least `RETENTION_WEEKS`. 0 keeps all.
REPORT_RETENTION_WEEKS = env.int("REPORT_RETENTION_WEEKS", default=RETENTION_WEEKS)
# Hours without an event after which a session is final.
SESSION_FINAL_HOURS = env.int("SESSION_FINAL_HOURS", default=24)
DATA_UPLOAD_MAX_MEMORY_SIZE = INGEST_MAX_BODY_BYTES

# --- Cost -----------------------------------------------------------------------------------------

# Currency of organizations without a price plan. All their charges are 0.
BILLING_CURRENCY = env.str("BILLING_CURRENCY", default="EUR")

# --- Enrichment -----------------------------------------------------------------------------------

# Parts of enrichment that run: `all`, or their names. Empty switches enrichment off.
ENRICHMENT = env.list("ENRICHMENT", default=["all"])
# Path of a geolocation database in MaxMind's City format. Without one, events have only the place that
# they declare.
GEOIP_DATABASE = env.str("GEOIP_DATABASE", default="")
# Key for hashing IP addresses. A new key gives new hashes.
ADDRESS_HASH_KEY = env.str("ADDRESS_HASH_KEY", default="") or SECRET_KEY
# `keep` stores e-mail addresses and their hashes, `replace` only the hashes.
EMAIL_ADDRESSES = env.str("EMAIL_ADDRESSES", default="keep")
# Header in which a CDN names its region, such as `CF-Ray` or `X-Amz-Cf-Pop`.
EDGE_HEADER = env.str("EDGE_HEADER", default="")

# --- Files ----------------------------------------------------------------------------------------

STATIC_URL = "static/"
STATIC_ROOT = DATA / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}

# Folder that workers write exports to and web servers read them from. Machines must share it.
EXPORT_FOLDER = Path(env.str("EXPORT_FOLDER", default=str(DATA / "exports")))
# Hours until the file of a finished export is removed.
EXPORT_HOURS = env.int("EXPORT_HOURS", default=24)
# Largest export in bytes.
EXPORT_MAX_BYTES = env.int("EXPORT_MAX_BYTES", default=2 * 1024**3)

# --- Security -------------------------------------------------------------------------------------

# Require HTTPS, which a proxy provides: secure cookies, HSTS, redirects.
HTTPS = env.bool("HTTPS", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
# Networks of the proxies in front of Tally. Only their X-Forwarded-Proto and PROXY_HEADER are trusted.
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=[])
# Header in which they name the sender: `X-Forwarded-For` or `Forwarded`.
PROXY_HEADER = env.str("PROXY_HEADER", default="X-Forwarded-For")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
# Hours after which people must log in again.
SESSION_COOKIE_AGE = env.int("SESSION_HOURS", default=12) * 3600
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
if HTTPS:
    # A name that browsers take from this host alone, over HTTPS.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-session", "__Host-csrf"
SECURE_REFERRER_POLICY = "same-origin"
# Who must use a second factor: `optional` (nobody), `operators` or `all`.
SECOND_FACTOR = env.str("SECOND_FACTOR", default="operators" if HTTPS else "optional")
# Name that authenticator apps show.
OTP_TOTP_ISSUER = env.str("SECOND_FACTOR_ISSUER", default="Tally")
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"  # not Strict: mails link to pages of the admin
X_FRAME_OPTIONS = "DENY"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
PASSWORD_RESET_TIMEOUT = 2 * 3600  # lifetime of password reset links, in seconds
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"  # of a login that came from nowhere, as by a bookmark

# --- API ------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    # Lone surrogates have no UTF-8, but events may hold them: other than ASCII is written as JSON escapes.
    "UNICODE_JSON": False,
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["events.api.parser.BodyParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "events.api.authentication.KeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "rest_framework.permissions.IsAuthenticated",
        "events.api.authentication.Permitted",
    ],
    "DEFAULT_THROTTLE_CLASSES": ["events.api.authentication.ReaderThrottle"],
    "DEFAULT_FILTER_BACKENDS": ["events.api.endpoint.Filters"],
    "EXCEPTION_HANDLER": "events.api.problems.handler",
    "URL_FORMAT_OVERRIDE": None,
    "DEFAULT_SCHEMA_CLASS": "events.api.openapi.Schema",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Tally",
    "VERSION": "1",
    "DESCRIPTION": "Send events in the format that applications already use, and read events, sessions and"
    " usage, and manage owners, keys, members, webhooks, budgets and digests.",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "SERVE_INCLUDE_SCHEMA": False,
    # Reading the description takes no key: one must be able to see what there is before asking for one.
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "POSTPROCESSING_HOOKS": ["events.api.openapi.complete", "ingestion.documentation.openapi.add_ingest"],
    # `fields` may leave out any member of an answer.
    "COMPONENT_NO_READ_ONLY_REQUIRED": True,
}

# --- Logs -----------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {
            # Each record is one line, whatever names, paths and exceptions contain.
            "()": "telemetry_project.logs.OneLine",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        }
    },
    # Warnings that strangers can cause are limited.
    "filters": {"strangers": {"()": "telemetry_project.logs.LimitStrangers"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "plain", "filters": ["strangers"]}
    },
    # One line for each answer of 4xx would let strangers fill the log. Django's own handlers would write
    # past the formatter above.
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.request": {"level": "ERROR"},
    },
    # Least severe messages to log.
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
}
