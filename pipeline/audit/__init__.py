"""Known vulnerabilities of the locked packages: pip-audit always, safety where there is a key."""
