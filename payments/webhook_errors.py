"""What can go wrong with webhooks, sent and received; each has a page of the docs, as those in `payments.errors`."""

from payments.errors import PaymentsError


class WebhookAddressRefused(PaymentsError):
    """Webhooks are not sent to this address.

    The `url` of a webhook endpoint leads to the public internet, over TLS. Private, loopback and link-local addresses
    are refused, also behind a name that leads to one. Nothing was changed by this request.
    """

    code = "webhook_address_refused"
    status = 422


class TooManyWebhookEndpoints(PaymentsError):
    """There are as many webhook endpoints as a merchant may have.

    Delete one that is not needed any more, or have one endpoint take more `event_types`. Test mode and live mode are
    counted apart.
    """

    code = "too_many_webhook_endpoints"
    status = 422


class WebhookEndpointDisabled(PaymentsError):
    """The webhook endpoint is disabled.

    Nothing is sent to it. Enable it first (`PATCH` with `"enabled": true`), then send again what it has missed.
    """

    code = "webhook_endpoint_disabled"
    status = 409


class SignatureInvalid(PaymentsError):
    """The body is not signed by the processor.

    Only processors send to this address. Check that the secret of the webhook endpoint at the processor is the one that
    the account has here, that the endpoint's address is this account's, and that your clock is right. Nothing was
    stored.
    """

    code = "signature_invalid"
    status = 400
