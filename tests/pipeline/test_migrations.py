"""The gate `migrations`: what it refuses, each for its reason, and what it lets pass."""

from collections.abc import Callable
from contextlib import chdir
from pathlib import Path

import pytest

from pipeline.migrations import BASELINE, misplaced_baseline
from tests.pipeline.trees import Tree

pytestmark = pytest.mark.timeout(600)

PARTS = ("payments", "platform_site", "manage.py")
MODULE = '''"""Planted."""

from django.contrib.postgres.operations import (
    AddConstraintNotValid, AddIndexConcurrently, RemoveIndexConcurrently, ValidateConstraint
)
from django.db import migrations, models
from django.db.models.deletion import PROTECT

{contract}

def rewrite(apps, editor):
    raise AssertionError("the gate runs nothing")


class Migration(migrations.Migration):
    atomic = {atomic}
    dependencies = [("payments", "{before}")]
    operations = [{operations}]
'''
POSITIVE = 'models.CheckConstraint(condition=models.Q(amount__gt=1), name="amount_above_one")'
INDEX = 'models.Index(fields=["updated_at"], name="payment_updated")'
CREATE = 'migrations.CreateModel("Note", [("id", models.BigAutoField(primary_key=True)), ("text", models.TextField())])'

# Name, operations, and what the gate says of them.
BAD = {
    "required": (
        'migrations.AddField("payment", "level", models.IntegerField(default=0))',
        "Add field level to payment: ban-drop-default: the running version does not write it",
    ),
    "required_by_sql": (
        'migrations.RunSQL("ALTER TABLE payments_payment ADD COLUMN rank integer NOT NULL -- squawk-ignore-file")',
        "adding-required-field: the running version does not write it",
    ),
    "with_check": (
        'migrations.AddField("payment", "rank", models.PositiveIntegerField(db_default=0))',
        "Add field rank to payment: column-with-check: add the column without the check",
    ),
    "drop": ('migrations.RemoveField("payment", "description")', "ban-drop-column: stop using it in this release"),
    "drop_key": ('migrations.RemoveField("payment", "merchant")', "ban-drop-column: stop using it in this release"),
    "rename": (
        'migrations.RenameField("payment", "connector", "adapter")',
        "Rename field connector on payment to adapter: renaming-column: add the new one, and write both",
    ),
    "rename_table": ('migrations.AlterModelTable("payout", "payouts")', "renaming-table: add the new one"),
    "drop_table": ('migrations.DeleteModel("NewsReplay")', "ban-drop-table: stop using it in this release"),
    "type": (
        'migrations.AlterField("payment", "return_url", models.TextField(null=True))',
        "changing-column-type: add a column of the new type",
    ),
    "not_null": (
        'migrations.AlterField("payment", "expires_at", models.DateTimeField())',
        "adding-not-nullable-field: hold new rows by a check constraint",
    ),
    "index": (
        f'migrations.AddIndex("payment", {INDEX})',
        "require-concurrent-index-creation: AddIndexConcurrently in a migration of its own with `atomic = False`",
    ),
    "key_with_index": (
        'migrations.AddField("payout", "dispute", models.ForeignKey("payments.Dispute", PROTECT, null=True))',
        "require-concurrent-index-creation: AddIndexConcurrently",
    ),
    "index_in_transaction": (
        'migrations.RunSQL("CREATE INDEX CONCURRENTLY i ON payments_payment (updated_at)")',
        "ban-concurrent-index-creation-in-transaction: put it in a migration of its own",
    ),
    "scan": (
        f'migrations.AddConstraint("payment", {POSITIVE})',
        "constraint-missing-not-valid: add it by AddConstraintNotValid",
    ),
    "no_sql": ('migrations.RunSQL("ALTER TABEL payments_payment")', "syntax-error: "),
}
CONTRACTS = {
    "no_reason": ('CONTRACT = " "', "contract-without-reason: say why nobody misses it, in a sentence"),
    "no_need": ('CONTRACT = "0.3.0 is the last to read it"', "contract-of-nothing: it takes nothing away"),
}
GOOD = (
    ('migrations.AddField("payment", "note", models.TextField(db_default="it\'s 100%"))', True),
    (f'AddIndexConcurrently("payment", {INDEX})', False),
    ('RemoveIndexConcurrently("payment", "payment_updated")', False),
    (f'AddConstraintNotValid("payment", {POSITIVE})', True),
    ('ValidateConstraint("payment", "amount_above_one")', True),
    ('migrations.RemoveConstraint("payment", "amount_above_one")', True),
    (f'{CREATE}, migrations.AddIndex("note", models.Index(fields=["text"], name="note_text"))', True),
    (
        'migrations.AddField("payout", "dispute", models.ForeignKey('
        '"payments.Dispute", PROTECT, null=True, db_index=False))',
        True,
    ),
    ("migrations.RunPython(rewrite)", True),
)
CONTRACT = 'migrations.RemoveField("payment", "note"), migrations.RemoveField("payout", "dispute")'


class Chain:
    """Migrations that are planted one after the other."""

    def __init__(self, tree: Tree) -> None:
        """Begin after the last that there is."""
        self.tree = tree
        self.last = max(path.stem for path in (tree.folder / "payments" / "migrations").glob("[0-9]*.py"))

    def plant(self, name: str, operations: str, *, contract: str = "", atomic: bool = True) -> None:
        """Plant one more."""
        number = int(self.last[:4]) + 1
        text = MODULE.format(before=self.last, operations=operations, contract=contract, atomic=atomic)
        self.last = f"{number:04}_{name}"
        self.tree.plant(f"payments/migrations/{self.last}.py", text)


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the gate says of all that is bad, at once."""
    tree = Tree(tmp_path_factory.mktemp("refused"), *PARTS)
    chain = Chain(tree)
    for name, (contract, _) in CONTRACTS.items():
        remove = 'migrations.RemoveField("payment", "description")'
        chain.plant(name, remove if name == "no_reason" else "", contract=contract)
    chain.plant("back", 'migrations.AddField("payment", "description", models.TextField(null=True))')
    for name, (operations, _) in BAD.items():
        chain.plant(name, operations)
    status, output = tree.run("migrations")
    assert status == 1
    return output


@pytest.mark.parametrize("name", [*BAD, *CONTRACTS])
def test_a_bad_migration_fails_for_its_reason(refused: str, name: str) -> None:
    reason = (BAD | CONTRACTS)[name][1]

    assert [line for line in refused.splitlines() if f"_{name}.py: " in line and reason in line]


def test_a_migration_that_only_adds_passes_and_so_does_a_contract_with_a_reason(
    copy_of: Callable[..., Tree],
) -> None:
    chain = Chain(copy_of(*PARTS))
    for number, (operations, atomic) in enumerate(GOOD):
        chain.plant(f"good_{number}", operations, atomic=atomic)
    chain.plant("contract", CONTRACT + ', migrations.DeleteModel("Note")', contract='CONTRACT = "0.3.0 is the last"')

    status, output = chain.tree.run("migrations")

    assert status == 0, output
    assert "_good_8.py: Raw Python operation: read it" in output
    assert "_contract.py: contract: 0.3.0 is the last" in output


def test_a_field_without_a_migration_fails(copy_of: Callable[..., Tree]) -> None:
    tree = copy_of(*PARTS)
    before, said = tree.run("migrations")
    tree.replace(
        "payments/models/payments.py", "    updated_at =", "    note = models.TextField(null=True)\n    updated_at ="
    )

    after, output = tree.run("migrations")

    assert before == 0, said
    assert after == 1
    assert "payments: no migration for: Add field note to payment: manage.py makemigrations payments" in output


def test_a_baseline_that_the_first_release_does_not_have_is_refused(tmp_path: Path) -> None:
    tree = Tree(tmp_path, "payments/migrations")
    last = f"payments/migrations/{BASELINE}.py"
    tree.git("rm", "--quiet", "--cached", last)
    tree.git("commit", "--quiet", "--message", "The first release, before the last migration")
    tree.git("tag", "v0.1.0")
    tree.commit("And then the last migration")
    tree.git("tag", "v0.2.0")

    with chdir(tmp_path):
        early = list(misplaced_baseline())
        tree.git("tag", "--delete", "v0.1.0")
        late = list(misplaced_baseline())

    assert [line for line in early if f"BASELINE is {BASELINE}, which v0.1.0 does not have" in line]
    assert not late
