"""The site that serves the payments app: settings, URLs, health, logs."""
