"""Requests made up from the OpenAPI document, sent to a server as `nox -s serve` starts it: `nox -s api_fuzz`."""
