"""The lifecycles as the database knows them."""

from django.apps.registry import Apps
from django.db import models

from payments.lifecycles import LIFECYCLES
from payments.models.base import SHORT_TEXT


class LifecycleEdge(models.Model):
    """One allowed move of a noun's status; the empty `from_status` stands for a row's beginning."""

    noun = models.CharField(max_length=SHORT_TEXT)
    from_status = models.CharField(max_length=SHORT_TEXT, blank=True)
    to_status = models.CharField(max_length=SHORT_TEXT)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["noun", "from_status", "to_status"], name="lifecycle_edge_once"),
        ]

    def __str__(self) -> str:
        """Return the move for people to read."""
        return f"{self.noun}: {self.from_status or '(new)'} -> {self.to_status}"


def edges_of_lifecycles() -> set[tuple[str, str, str]]:
    """Return every edge that `lifecycles.py` names, as (noun, from, to)."""
    return {(lifecycle.noun, *pair) for lifecycle in LIFECYCLES for pair in lifecycle.pairs()}


def write_edges(apps: Apps, _: object) -> None:
    """Make the database's table the same as `lifecycles.py`; the migration that changes an edge calls this."""
    edge_model = apps.get_model("payments", "LifecycleEdge")
    wanted = edges_of_lifecycles()
    for edge in edge_model.objects.all():
        if (edge.noun, edge.from_status, edge.to_status) not in wanted:
            edge.delete()
    edge_model.objects.bulk_create(
        [edge_model(noun=noun, from_status=start, to_status=end) for noun, start, end in sorted(wanted)],
        ignore_conflicts=True,
    )
