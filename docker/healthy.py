"""A container's health check: `healthy.py URL` asks an address, `healthy.py NAME` for a part's last sign of life.

The image has neither curl nor wget. Redirects are not followed: a redirect is an answer too.
"""

import http.client
import os
import sys
from urllib.parse import urlsplit


def answers(url: str) -> bool:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=4)
    try:
        connection.request("GET", parts.path, headers={"X-Forwarded-Proto": "https"})
        return connection.getresponse().status < 400
    except OSError:
        return False
    finally:
        connection.close()


def gave_a_sign_of_life(name: str) -> bool:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "servicedesk.settings")
    import django

    django.setup()
    from servicedesk import heartbeat

    return heartbeat.ages().get(name, float("inf")) <= heartbeat.STALE_AFTER_SECONDS


if __name__ == "__main__":
    asked = sys.argv[1]
    sys.exit(0 if (answers(asked) if "://" in asked else gave_a_sign_of_life(asked)) else 1)
