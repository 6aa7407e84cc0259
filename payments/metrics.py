"""The Prometheus instruments of the domain; those of HTTP come from django-prometheus."""

from prometheus_client import Counter, Histogram

PROCESSOR_CALLS = Counter(
    "payments_processor_calls",
    "Answered calls to processors.",
    labelnames=("connector", "kind", "status", "decline_code"),
)
WEBHOOK_ATTEMPTS = Counter(
    "payments_webhook_attempts",
    "Requests to merchants' webhook endpoints: succeeded, refused (they answered otherwise) or unanswered.",
    labelnames=("outcome",),
)
WEBHOOK_ATTEMPT_SECONDS = Histogram(
    "payments_webhook_attempt_seconds",
    "How long an endpoint took to answer, in seconds.",
    labelnames=("outcome",),
)
PROCESSOR_CALL_SECONDS = Histogram(
    "payments_processor_call_seconds",
    "How long a processor took to answer, in seconds.",
    labelnames=("connector", "kind"),
)
CIRCUIT_BREAKER_OPENINGS = Counter(
    "payments_circuit_breaker_openings",
    "How often payments were kept away from an account whose processor did not answer.",
    labelnames=("connector",),
)
