"""Reports in the formats that processors and banks send, read line by line. It knows no database."""

from payments.operations.report_formats.formats import Line, OpenReport, open_report
from payments.operations.report_formats.lines import Booked, Settled

__all__ = ["Booked", "Line", "OpenReport", "Settled", "open_report"]
