"""The desk's doors, as people and programs outside come to them."""

import re
import subprocess
from email.message import EmailMessage
from typing import Any

import requests

from tests.acceptance.desk import PYTHON, ROOT, Desk
from tests.patience import PATIENCE_SECONDS


class Browser:
    """A person with a browser: cookies, and the token of each form."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.session = desk, requests.Session()
        self.session.headers["Accept-Language"] = "en"

    def get(self, path: str, **more: Any) -> requests.Response:
        address = path if path.startswith("http") else self.desk.url + path
        return self.session.get(address, timeout=PATIENCE_SECONDS, **more)

    def send(self, form: str, path: str | None = None, files: Any = None, **data: str) -> requests.Response:
        """Fill in the form of one page and send it to a path, the page's own if there is no other."""
        if "csrftoken" not in self.session.cookies:
            self.get(form)
        return self.session.post(
            self.desk.url + (path or form),
            data={**data, "csrfmiddlewaretoken": self.session.cookies["csrftoken"]},
            files=files,
            headers={"Referer": self.desk.url + form},
            timeout=PATIENCE_SECONDS,
        )

    def sign_in(self, email: str, password: str) -> requests.Response:
        return self.send("/accounts/login/", login=email, password=password)


def raw_mail(name: str, email: str, subject: str, body: str, file_name: str, content: str) -> bytes:
    """As mail programs write it: encoded words, a text in base64, an attachment."""
    mail = EmailMessage()
    mail["From"] = f"{name} <{email}>"
    mail["To"] = "support@desk.localhost"
    mail["Subject"] = subject
    mail["Message-ID"] = f"<{abs(hash(subject))}@mail.example>"
    mail.set_content(body, cte="base64")
    mail.add_attachment(content.encode(), maintype="text", subtype="plain", filename=file_name)
    return mail.as_bytes()


def post_mail(desk: Desk, raw: bytes) -> requests.Response:
    return requests.post(
        f"{desk.url}/api/v1/inbound/email/",
        data=raw,
        headers={"Authorization": f"Bearer {desk.made['key']}", "Content-Type": "message/rfc822"},
        timeout=PATIENCE_SECONDS,
    )


def pipe_mail(desk: Desk, raw: bytes) -> bytes:
    """By `manage.py receive_email`; everything that it printed."""
    done = subprocess.run(
        [PYTHON, "manage.py", "receive_email"],
        input=raw,
        env=desk.environment,
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    return done.stdout + done.stderr


def upload(desk: Desk, ticket: str, name: str, content: bytes) -> requests.Response:
    return requests.post(
        f"{desk.url}/api/v1/tickets/{ticket}/attachments/",
        files={"file": (name, content, "text/plain")},
        headers={"Authorization": f"Bearer {desk.made['key']}"},
        timeout=PATIENCE_SECONDS,
    )


def links_in(mail: EmailMessage) -> list[str]:
    body = mail.get_body(("plain",))
    assert body is not None
    return re.findall(r"https?://\S+", body.get_content())
