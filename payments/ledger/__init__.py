"""The double-entry ledger: the chart, the recipes, the one writer and the reads."""
