"""check_ledger: recompute from the journal and the events what the tables say, and name every difference.

The database refuses most of this already. The check is for what no constraint sees: amounts that drifted from the
journal, an event log that ends elsewhere than its object, a balance that is not what is under way, and a database
whose triggers were switched off. The rules stand by noun in the modules beside this one.
"""

from payments.operations.ledger_check.checking import RULES
from payments.operations.ledger_check.rule import Difference
from payments.operations.ledger_check.runs import Result, check_ledger, run_check

__all__ = ["RULES", "Difference", "Result", "check_ledger", "run_check"]
