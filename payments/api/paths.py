"""Ids in addresses."""

from uuid import UUID

from payments import public_ids
from payments.errors import NotFound
from payments.models.base import PublicIdModel


def id_in_path(model: type[PublicIdModel], text: str) -> UUID:
    """Return the UUID behind an id in the address.

    Raises:
        NotFound: it is no id of this kind, so there is no such object.
    """
    try:
        return public_ids.decode(model.PREFIX, text)
    except ValueError as error:
        raise NotFound(f"{text!r} is not an id that begins with {model.PREFIX}_.") from error
