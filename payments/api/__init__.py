"""The REST API: each view validates, makes one call into operations and returns what it was told."""
