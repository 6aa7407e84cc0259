"""What the demo keeps from one `serve` to the next: its API key, its admin user, and Django's secret key."""

import os
import re
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_API_KEY = re.compile(r"sk_test_[A-Za-z0-9]{32}")
_ALPHANUMERIC = string.ascii_letters + string.digits
# Django's own choice of length for a secret key.
_SECRET_KEY_LENGTH = 50


@dataclass(frozen=True, kw_only=True)
class Demo:
    """Where the demo is, and how to get in."""

    url: str
    api_key: str
    admin_user: str
    admin_password: str

    def variables(self) -> dict[str, str]:
        """Return the demo as environment variables: the content of demo.env."""
        return {
            "PAYMENTS_URL": self.url,
            "PAYMENTS_API_KEY": self.api_key,
            "PAYMENTS_ADMIN_USER": self.admin_user,
            "PAYMENTS_ADMIN_PASSWORD": self.admin_password,
        }


def keep_demo(path: Path, *, url: str) -> Demo:
    """Return the demo in the file, at its new URL; make up what is missing, and write the file anew."""
    known = _read(path)
    api_key = known.get("PAYMENTS_API_KEY", "")
    demo = Demo(
        url=url,
        api_key=api_key if _API_KEY.fullmatch(api_key) else f"sk_test_{_random(32)}",
        admin_user=known.get("PAYMENTS_ADMIN_USER") or "admin",
        admin_password=known.get("PAYMENTS_ADMIN_PASSWORD") or _random(16),
    )
    _write(path, "".join(f"{name}={value}\n" for name, value in demo.variables().items()))
    return demo


def keep_secret_key(path: Path) -> str:
    """Return the secret key in the file; make it if there is none, so that sessions outlive a restart."""
    if not (path.exists() and path.read_text(encoding="ascii").strip()):
        _write(path, f"{_random(_SECRET_KEY_LENGTH)}\n")
    return path.read_text(encoding="ascii").strip()


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHANUMERIC) for _ in range(length))


def _read(path: Path) -> Mapping[str, str]:
    if not path.exists():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", maxsplit=1) for line in lines if "=" in line)


def _write(path: Path, content: str) -> None:
    """Replace the file at one go, readable by its owner alone."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.touch(mode=0o600)
    fresh.write_text(content, encoding="utf-8")
    fresh.replace(path)
