"""What the models share."""

from typing import ClassVar, Final

from django.db import models

from payments import public_ids
from payments.lifecycles import Mode

# The longest ISO code, connector name, status and so on: room to name things well.
SHORT_TEXT: Final = 40
MODE_CHOICES: Final = [(mode.value, mode.value) for mode in Mode]


class PublicIdModel(models.Model):
    """A row that the API names by a prefixed id."""

    PREFIX: ClassVar[str]

    id = models.UUIDField(primary_key=True, default=public_ids.new_uuid, editable=False)

    class Meta:
        abstract = True

    @property
    def public_id(self) -> str:
        """Return the id as merchants and staff see it: `pay_…`."""
        return public_ids.encode(self.PREFIX, self.id)

    def __str__(self) -> str:
        """Return the public id."""
        return self.public_id
