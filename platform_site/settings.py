"""All settings, in one file, read from the environment.

PAYMENTS_ENVIRONMENT says where we are. Only `local` and `test` have defaults for what is secret;
anywhere else a missing variable stops the start with one line that names it.
"""

import base64
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.urls import reverse_lazy

from payments.lifecycles import DisabledReason, RefundStatus, WebhookDeliveryStatus, WebhookEndpointStatus
from platform_site import env

if not __debug__:
    raise ImproperlyConfigured("start Python without -O and PYTHONOPTIMIZE: they leave out assertions that guard money")

BASE_DIR = Path(__file__).resolve().parent.parent

ENVIRONMENT = env.choice("PAYMENTS_ENVIRONMENT", options=("local", "test", "staging", "production"))
DEPLOYED = ENVIRONMENT in {"staging", "production"}


def _needed_when_deployed(name: str, *, hint: str, otherwise: str) -> str:
    """Return the variable `name`; only a machine that serves nobody else may go without it."""
    return env.required(name, hint=hint) if DEPLOYED else env.text(name, default=otherwise)


SECRET_KEY = _needed_when_deployed(
    "PAYMENTS_SECRET_KEY", hint="a random string of 50 characters or more", otherwise=f"only-for-{ENVIRONMENT}"
)
_LOCAL_FERNET_KEY = base64.urlsafe_b64encode(b"only for machines that serve you").decode()
# Fernet keys of what is stored encrypted: processors' keys and webhook secrets. The first encrypts, all decrypt.
PAYMENTS_ENCRYPTION_KEYS = env.fernet_keys(
    "PAYMENTS_ENCRYPTION_KEYS", default=None if DEPLOYED else [_LOCAL_FERNET_KEY]
)
DEBUG = False
ALLOWED_HOSTS = _needed_when_deployed(
    "PAYMENTS_ALLOWED_HOSTS",
    hint="the host names that are served, separated by commas",
    otherwise="localhost,127.0.0.1,[::1],testserver",
).split(",")
# The address under which merchants reach the platform; links in problem documents begin with it.
PUBLIC_URL = _needed_when_deployed(
    "PAYMENTS_PUBLIC_URL", hint="for example https://payments.example.com", otherwise="http://127.0.0.1:8000"
).rstrip("/")

# An unfinished request counts as dead after this time. It is longer than the slowest answer of a processor, so that
# a living request is not taken for a dead one.
# What takes the sandbox days (a refund that comes back …) can be made quicker to look at.
PAYMENTS_SANDBOX_DAY_SECONDS = env.integer("PAYMENTS_SANDBOX_DAY_SECONDS", default=86_400, minimum=1, maximum=86_400)
PAYMENTS_IDEMPOTENCY_LEASE_SECONDS = env.integer(
    "PAYMENTS_IDEMPOTENCY_LEASE_SECONDS", default=60, minimum=1, maximum=3600
)

# A payment that nobody has paid by then expires.
PAYMENTS_PAYMENT_LIFETIME_HOURS = env.integer("PAYMENTS_PAYMENT_LIFETIME_HOURS", default=24, minimum=1, maximum=8760)

# Webhooks that one `manage.py send_webhooks` has on their way at a time.
PAYMENTS_WEBHOOK_SENDER_THREADS = env.integer("PAYMENTS_WEBHOOK_SENDER_THREADS", default=32, minimum=1, maximum=512)

# Webhooks to this machine itself are for looking at: where others are served, they would reach what is ours alone.
PAYMENTS_WEBHOOK_ALLOW_LOOPBACK = env.boolean("PAYMENTS_WEBHOOK_ALLOW_LOOPBACK", default=not DEPLOYED)
if DEPLOYED and PAYMENTS_WEBHOOK_ALLOW_LOOPBACK:
    raise ImproperlyConfigured(f"PAYMENTS_WEBHOOK_ALLOW_LOOPBACK is for local development only, not for {ENVIRONMENT}")
# What one API key may ask for: as many requests at once as the burst, and from then on so many a second.
PAYMENTS_RATE_LIMIT_PER_SECOND = env.integer(
    "PAYMENTS_RATE_LIMIT_PER_SECOND", default=100, minimum=1, maximum=1_000_000
)
PAYMENTS_RATE_LIMIT_BURST = env.integer("PAYMENTS_RATE_LIMIT_BURST", default=200, minimum=1, maximum=1_000_000)
# How many proxies of ours a request passes, each of which appends to X-Forwarded-For whom it has the request from.
PAYMENTS_TRUSTED_PROXIES = env.integer("PAYMENTS_TRUSTED_PROXIES", default=0, minimum=0, maximum=10)
# Where Stripe's API is asked. A server of one's own may stand in for it, where nobody else is served.
_STRIPE_API_BASE = "https://api.stripe.com"
PAYMENTS_STRIPE_API_BASE = env.text("PAYMENTS_STRIPE_API_BASE", default=_STRIPE_API_BASE).rstrip("/")
if DEPLOYED and PAYMENTS_STRIPE_API_BASE != _STRIPE_API_BASE:
    raise ImproperlyConfigured(
        f"PAYMENTS_STRIPE_API_BASE is {PAYMENTS_STRIPE_API_BASE!r}: only local and test may ask another server than"
        f" {_STRIPE_API_BASE}"
    )

INSTALLED_APPS = [
    "payments",
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_prometheus",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "drf_standardized_errors",
    "procrastinate.contrib.django",
    "rest_framework",
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "payments.api.request_ids.RequestIdMiddleware",
    "payments.api.rate_limits.RateLimitHeadersMiddleware",
    "payments.api.address_length.AddressLengthMiddleware",
    "payments.api.body_length.BodyLengthMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "platform_site.urls"
WSGI_APPLICATION = "platform_site.wsgi.application"
# /v1/payments and /health have no slash at the end, and a redirected POST would lose its body.
APPEND_SLASH = True

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
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


def _database(url: str) -> dict[str, Any]:
    """Translate a libpq URL into Django's settings; the pool and prepared statements are always on."""
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise ImproperlyConfigured(f"DATABASE_URL is not a PostgreSQL URL: {error}") from error
    known = {name: name.upper() for name in ("user", "password", "host", "port")} | {"dbname": "NAME"}
    pool_size = env.integer("DATABASE_POOL_SIZE", default=0 if ENVIRONMENT == "test" else 8, minimum=0, maximum=200)
    options: dict[str, Any] = {key: value for key, value in parts.items() if key not in known}
    options |= {"server_side_binding": True, "prepare_threshold": 2}
    if pool_size:
        options["pool"] = {"min_size": 1, "max_size": pool_size, "timeout": 10}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "OPTIONS": options,
        **{setting: str(parts.get(key) or "") for key, setting in known.items()},
    }


DATABASES = {
    "default": _database(
        env.required("DATABASE_URL", hint="for example postgresql://payments:secret@localhost:5432/payments")
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
# A deployed image carries the collected files; a developer's machine serves them from the installed packages.
STATIC_ROOT = BASE_DIR / "static" if DEPLOYED else None
WHITENOISE_USE_FINDERS = not DEPLOYED
WHITENOISE_AUTOREFRESH = False

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = DEPLOYED
CSRF_COOKIE_SECURE = DEPLOYED
X_FRAME_OPTIONS = "DENY"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["payments.api.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["payments.api.authentication.HasScope"],
    "DEFAULT_PARSER_CLASSES": ["payments.api.parsing.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "payments.api.operation_schemas.OperationSchema",
    "EXCEPTION_HANDLER": "payments.api.errors.problem_response",
    "UNAUTHENTICATED_USER": None,
    # There is one format, and no query parameter that asks for another.
    "URL_FORMAT_OVERRIDE": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Payments API",
    "DESCRIPTION": (
        "Amounts are integers of the currency's minor unit: 1999 is 19.99 EUR, 500 is 500 JPY. Errors are problem"
        " documents (RFC 9457), and [each code has a page](/docs/errors). A request that is repeated under its"
        " `Idempotency-Key` gets the same answer and moves no money again."
    ),
    "VERSION": "v1",
    "TAGS": [
        {"name": "payments", "description": "Take money: at once, or reserve now and capture later."},
        {"name": "refunds", "description": "Give money back."},
        {"name": "payouts", "description": "Have what is available sent to your bank."},
        {"name": "balance", "description": "What you are owed, and the journal behind it."},
        {"name": "discrepancies", "description": "What does not match: settlement, bank and processor's news."},
        {"name": "events", "description": "Everything that changed, in order. [All types](/docs/events)."},
        {
            "name": "webhook_endpoints",
            "description": "Addresses of yours to which events are sent as they happen, signed by Standard Webhooks.",
        },
        {"name": "processors", "description": "Where processors send their news; nothing for merchants."},
    ],
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "payments.api.openapi.share_enums",
        "payments.api.openapi.add_links",
    ],
    # An enum is named after its field, and after its model too where several models have such a field. The lines below
    # are for those that this would name wrongly.
    "ENUM_SUFFIX": "",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "PaymentObject": ["payment"],
        "NextActionType": ["redirect"],
        "DisputeObject": ["dispute"],
        # A refund's and a payout's.
        "TransferStatus": [status.value for status in RefundStatus],
        "RefundObject": ["refund"],
        "PayoutObject": ["payout"],
        "DiscrepancyObject": ["discrepancy"],
        "EventObject": ["event"],
        "WebhookDeliveryObject": ["webhook_delivery"],
        "WebhookDeliveryStatus": [status.value for status in WebhookDeliveryStatus],
        "RedeliveryObject": ["redelivery"],
        "WebhookEndpointObject": ["webhook_endpoint"],
        "WebhookEndpointStatus": [status.value for status in WebhookEndpointStatus],
        "WebhookDisabledReason": [reason.value for reason in DisabledReason],
        "BalanceObject": ["balance"],
        "BalanceEntryObject": ["balance_entry"],
        "ListObject": ["list"],
    },
}


def _page(title: str, icon: str, model: str) -> dict[str, Any]:
    """Return a link in the admin's sidebar, for those who may look at `model`."""
    app, name = model.split(".")
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{app}_{name}_changelist"),
        "permission": lambda request: request.user.has_perm(f"{app}.view_{name}"),
    }


UNFOLD = {
    "SITE_TITLE": "Payments",
    "SITE_HEADER": "Payments",
    "SITE_SYMBOL": "payments",
    "SITE_URL": None,
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    # A badge at the top of every page, so that nobody takes one environment for another.
    "ENVIRONMENT": lambda _: [ENVIRONMENT.capitalize(), "danger" if ENVIRONMENT == "production" else "info"],
    "STYLES": [lambda _: static("payments/admin.css")],
    "COLORS": {
        "primary": {
            "50": "oklch(96.2% .018 272.314)",
            "100": "oklch(93% .034 272.788)",
            "200": "oklch(87% .065 274.039)",
            "300": "oklch(78.5% .115 274.713)",
            "400": "oklch(67.3% .182 276.935)",
            "500": "oklch(58.5% .233 277.117)",
            "600": "oklch(51.1% .262 276.966)",
            "700": "oklch(45.7% .24 277.023)",
            "800": "oklch(39.8% .195 277.366)",
            "900": "oklch(35.9% .144 278.697)",
            "950": "oklch(25.7% .09 281.288)",
        }
    },
    "SIDEBAR": {
        "navigation": [
            {
                "title": "Payments",
                "items": [
                    _page("Payments", "credit_card", "payments.payment"),
                    _page("Refunds", "undo", "payments.refund"),
                    _page("Disputes", "gavel", "payments.dispute"),
                    _page("Payouts", "outbound", "payments.payout"),
                    _page("Processor calls", "sync_alt", "payments.processorcall"),
                    _page("Doubts", "help", "payments.callindoubt"),
                    _page("Repairs", "build", "payments.repair"),
                    _page("Processors' news", "inbox", "payments.processorevent"),
                    _page("Events", "timeline", "payments.event"),
                    _page("Idempotency records", "fingerprint", "payments.idempotencyrecord"),
                ],
            },
            {
                "title": "Webhooks",
                "items": [
                    _page("Endpoints", "webhook", "payments.webhookendpoint"),
                    _page("Deliveries", "send", "payments.webhookdelivery"),
                ],
            },
            {
                "title": "Ledger",
                "items": [
                    _page("Journal entries", "menu_book", "payments.journalentry"),
                    _page("Accounts", "account_balance", "payments.ledgeraccount"),
                ],
            },
            {
                "title": "Reconciliation",
                "items": [
                    _page("Discrepancies", "difference", "payments.discrepancy"),
                    _page("Reports", "upload_file", "payments.report"),
                    _page("Settlement lines", "receipt_long", "payments.settlementline"),
                    _page("Bank lines", "account_balance_wallet", "payments.bankline"),
                ],
            },
            {
                "title": "Merchants",
                "items": [
                    _page("Merchants", "storefront", "payments.merchant"),
                    _page("API keys", "key", "payments.apikey"),
                    _page("Platform fees", "percent", "payments.platformfee"),
                    _page("Payout schedules", "event_repeat", "payments.payoutschedule"),
                    _page("Processor accounts", "hub", "payments.processoraccount"),
                    _page("Routing rules", "alt_route", "payments.routingrule"),
                    _page("Circuit breakers", "electrical_services", "payments.circuitbreaker"),
                ],
            },
            {
                "title": "Staff",
                "items": [
                    _page("Users", "person", "auth.user"),
                    _page("Groups", "group", "auth.group"),
                ],
            },
        ]
    },
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {
        # They announce every task at every start of every process.
        **{f"procrastinate.{name}": {"level": "WARNING"} for name in ("blueprints", "periodic")},
        # It logs every pattern that a wrong line does not match; what is wrong stands in the exception.
        "mt940.tags": {"level": "CRITICAL"},
        # It warns, at length, of every odd header that a merchant's server answers a webhook with.
        "urllib3.connection": {"level": "ERROR"},
        # It tells of every request, and at DEBUG of what was in it.
        "stripe": {"level": "WARNING"},
    },
    "root": {"handlers": ["stderr"], "level": env.text("PAYMENTS_LOG_LEVEL", default="INFO")},
}
