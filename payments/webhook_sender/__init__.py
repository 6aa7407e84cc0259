"""Outgoing webhooks on the wire: one signed POST to a merchant's server, and never to one of ours.

A merchant names the address, so it is a request that a stranger has us make. `addresses` says where we may go,
`connections` makes sure that this is where we go, and `sending` turns whatever comes of it into a value.
"""

from payments.webhook_sender.addresses import UnsafeAddress, check_address
from payments.webhook_sender.connections import close_connections
from payments.webhook_sender.sending import Sent, send_webhook

__all__ = ["Sent", "UnsafeAddress", "check_address", "close_connections", "send_webhook"]
