"""`manage.py check --deploy` as a production machine would run it: a warning is a failure."""

import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PRODUCTION = {
    "DATABASE_URL": "postgres://desk:password@db:5432/desk",
    "KEYSTORE_URL": "postgres://desk:password@db:5432/keystore",
    "REDIS_URL": "redis://redis:6379/0",
    "EMAIL_URL": "smtp+tls://desk:password@mail.example.com:587",
    "SITE_URL": "https://desk.example.com",
    "ALLOWED_HOSTS": "desk.example.com",
    "TRUSTED_PROXY_COUNT": "1",
    "LOG_FORMAT": "json",
    "DEBUG": "0",
}


def main() -> int:
    with tempfile.TemporaryDirectory() as data, tempfile.TemporaryDirectory() as keys:
        environment = (
            os.environ
            | PRODUCTION
            | {
                "SECRET_KEY": secrets.token_urlsafe(50),
                "DATA_DIR": data,
                "MASTER_KEY_FILE": str(Path(keys) / "master.keyring"),
            }
        )
        command = [sys.executable, "-W", "error", "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
