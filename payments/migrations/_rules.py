"""What migrations tell PostgreSQL to refuse, in one line a rule."""

from django.db import migrations

APPEND_ONLY = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT
EXECUTE FUNCTION payments_refuse_statement('rows are written once; correct them by another row');
"""

NEVER_DELETED = """
CREATE TRIGGER never_deleted BEFORE DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT
EXECUTE FUNCTION payments_refuse_statement('rows are kept for good');
"""

# Fires only for statements that name one of the columns, so an ordinary update does not pay for it.
FROZEN = """
CREATE TRIGGER frozen_columns BEFORE UPDATE OF {columns} ON {table} FOR EACH ROW
WHEN (({old}) IS DISTINCT FROM ({new}))
EXECUTE FUNCTION payments_refuse_statement('these columns never change: {columns}');
"""

# What is null at first, and once it is known stays as it is.
SET_ONCE = """
CREATE TRIGGER set_once BEFORE UPDATE OF {columns} ON {table} FOR EACH ROW
WHEN ({changes})
EXECUTE FUNCTION payments_refuse_statement('these columns are set once: {columns}');
"""

FOLLOWS_LIFECYCLE = """
CREATE TRIGGER lifecycle BEFORE INSERT OR UPDATE OF status ON {table} FOR EACH ROW
EXECUTE FUNCTION payments_follow_lifecycle('{noun}');
"""

SAME_OWNER = """
ALTER TABLE {table} ADD CONSTRAINT {name}
FOREIGN KEY ({column}, merchant_id, mode, currency) REFERENCES {target} (id, merchant_id, mode, currency);
"""

# Of what has no currency.
SAME_MERCHANT = """
ALTER TABLE {table} ADD CONSTRAINT {name}
FOREIGN KEY ({column}, merchant_id, mode) REFERENCES {target} (id, merchant_id, mode);
"""

SAME_PAYMENT = """
ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY ({column}, payment_id) REFERENCES {target} (id, payment_id);
"""


def sql(statement: str) -> migrations.RunSQL:
    """Run `statement`. There is no way back: migrations only move forward (see docs on deploys)."""
    return migrations.RunSQL(statement)


def append_only(table: str) -> migrations.RunSQL:
    """Refuse every change of rows once written."""
    return sql(APPEND_ONLY.format(table=table))


def never_deleted(table: str) -> migrations.RunSQL:
    """Refuse to delete rows."""
    return sql(NEVER_DELETED.format(table=table))


def follows_lifecycle(table: str, noun: str) -> migrations.RunSQL:
    """Let the status move along the edges of `noun` alone."""
    return sql(FOLLOWS_LIFECYCLE.format(table=table, noun=noun))


def frozen(table: str, *columns: str) -> migrations.RunSQL:
    """Refuse every change of these columns."""
    return sql(
        FROZEN.format(
            table=table,
            columns=", ".join(columns),
            old=", ".join(f"OLD.{column}" for column in columns),
            new=", ".join(f"NEW.{column}" for column in columns),
        )
    )


def set_once(table: str, *columns: str) -> migrations.RunSQL:
    """Refuse every change of these columns, but the one that gives them a value."""
    changes = " OR ".join(
        f"(OLD.{column} IS NOT NULL AND NEW.{column} IS DISTINCT FROM OLD.{column})" for column in columns
    )
    return sql(SET_ONCE.format(table=table, columns=", ".join(columns), changes=changes))


def same_payment(table: str, column: str, target: str) -> migrations.RunSQL:
    """Tie `table.column` to a row of `target` about the same payment, whose owner is then the same as well."""
    name = f"{table.removeprefix('payments_')}_{column.removesuffix('_id')}_same_payment"
    return sql(SAME_PAYMENT.format(table=table, column=column, target=target, name=name))


def same_owner(table: str, column: str, target: str) -> migrations.RunSQL:
    """Tie `table.column` to a row of the same merchant, mode and currency in `target`."""
    name = f"{table.removeprefix('payments_')}_{column.removesuffix('_id')}_same_owner"
    return sql(SAME_OWNER.format(table=table, column=column, target=target, name=name))


def same_merchant(table: str, column: str, target: str) -> migrations.RunSQL:
    """Tie `table.column` to a row of the same merchant and mode in `target`."""
    name = f"{table.removeprefix('payments_')}_{column.removesuffix('_id')}_same_merchant"
    return sql(SAME_MERCHANT.format(table=table, column=column, target=target, name=name))
