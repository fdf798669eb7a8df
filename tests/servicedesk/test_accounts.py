"""Signing in, the second factor of those who lead, sessions, and what people choose for themselves."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.core.cache import cache
from django.test import Client

from servicedesk.accounts.browsers import browser_name
from servicedesk.accounts.sealing import reseal_seeds
from servicedesk.clock import now
from servicedesk.keyring import add_master_version, new_ring, retire_master_version, ring_path, write_ring
from servicedesk.mail.sending import send_due as send_mail_now
from servicedesk.models import OutgoingMail, User
from tests.make import Make

PASSWORD = "correct horse battery"
LOGIN = "/accounts/login/"


@pytest.fixture(autouse=True)
def no_attempts_counted() -> None:
    cache.clear()


def sign_in(client: Client, user: User, password: str = PASSWORD) -> Any:
    return client.post(LOGIN, {"login": user.email, "password": password})


def with_app(user: User) -> str:
    """Gives them an authenticator app; returns its secret."""
    secret = "JBSWY3DPEHPK3PXP"
    TOTP.activate(user, secret)
    return secret


def code_of(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))


def test_the_sign_in_page_has_one_way_in(client: Client, db: None) -> None:
    page = client.get(LOGIN).content.decode()
    assert page.count('name="login"') == 1
    assert page.count('type="password"') == 1
    assert page.count('type="submit"') == 1


def test_an_agent_signs_in_and_lands_on_the_desk(client: Client, alice: User) -> None:
    assert sign_in(client, alice).status_code == 302
    assert client.get("/").headers["Location"] == "/desk/"
    assert client.get("/desk/").status_code == 200


def test_a_wrong_password_opens_nothing_and_says_so(client: Client, alice: User) -> None:
    response = sign_in(client, alice, "wrong")
    assert response.status_code == 200
    assert "field-error" in response.content.decode() or "notice late" in response.content.decode()
    assert client.get("/desk/").headers["Location"].startswith(LOGIN)


def test_guessing_is_slowed_down(client: Client, alice: User) -> None:
    answers = [sign_in(client, alice, f"wrong {n}") for n in range(8)]
    assert sign_in(client, alice).status_code != 302, answers[-1].content.decode()


def test_a_forgotten_password_tells_nobody_who_works_here(client: Client, alice: User, mailoutbox: list[Any]) -> None:
    answers = [client.post("/accounts/password/reset/", {"email": email}) for email in (alice.email, "who@example.com")]
    assert [(answer.status_code, answer.headers["Location"]) for answer in answers] == [
        (302, "/accounts/password/reset/done/"),
        (302, "/accounts/password/reset/done/"),
    ]
    send_mail_now()
    assert [mail.to for mail in mailoutbox] == [[alice.email]]


def test_nobody_signs_up(client: Client, db: None) -> None:
    client.post("/accounts/signup/", {"email": "new@desk.example", "password1": PASSWORD, "password2": PASSWORD})
    assert not User.objects.exists()


def test_a_manager_gets_no_further_than_setting_up_a_second_factor(client: Client, bob: User) -> None:
    sign_in(client, bob)
    assert client.get("/desk/").headers["Location"] == "/accounts/2fa/totp/activate/"
    answer = client.get("/api/v1/tickets/")
    assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_needed")
    with_app(bob)
    assert client.get("/desk/").status_code == 200


def test_a_manager_with_a_second_factor_is_asked_for_it(client: Client, bob: User) -> None:
    secret = with_app(bob)
    assert sign_in(client, bob).headers["Location"].startswith("/accounts/2fa/authenticate/")
    assert client.get("/desk/").status_code == 302
    assert client.post("/accounts/2fa/authenticate/", {"code": "000000"}).status_code == 200
    assert client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)}).status_code == 302
    assert client.get("/desk/").status_code == 200


def test_the_seeds_of_second_factors_are_sealed_and_sealed_anew_with_the_ring(
    alice: User, tmp_path: Path, settings: Any
) -> None:
    settings.MASTER_KEY_FILE = tmp_path / "ring.json"
    write_ring(ring_path(), new_ring())
    codes = RecoveryCodes.activate(alice)
    secret = with_app(alice)
    before = codes.generate_codes()
    stored = "".join(str(factor.data) for factor in Authenticator.objects.all())
    assert secret not in stored
    add_master_version()
    assert (reseal_seeds(), reseal_seeds()) == (2, 0)
    assert retire_master_version(1, in_use=lambda: False)
    factors = {factor.type: factor.wrap() for factor in Authenticator.objects.all()}
    assert factors["recovery_codes"].generate_codes() == before
    assert factors["totp"].validate_code(code_of(secret))


def recovery_codes(user: User) -> list[str]:
    codes: list[str] = RecoveryCodes.activate(user).get_unused_codes()
    return codes


def test_a_recovery_code_signs_in_once(client: Client, bob: User) -> None:
    with_app(bob)
    code = recovery_codes(bob)[0]
    for expected in (302, 200):
        sign_in(client, bob)
        assert client.post("/accounts/2fa/authenticate/", {"code": code}).status_code == expected
        client.post("/accounts/logout/")


def test_recovery_codes_are_shown_and_renewed(client: Client, bob: User) -> None:
    with_app(bob)
    codes = recovery_codes(bob)
    client.force_login(bob, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert client.get("/accounts/2fa/recovery-codes/").headers["Location"].startswith("/accounts/reauthenticate/")
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert codes[0] in client.get("/accounts/2fa/recovery-codes/").content.decode()
    client.post("/accounts/2fa/recovery-codes/generate/")
    assert codes[0] not in client.get("/accounts/2fa/recovery-codes/").content.decode()


def test_a_demonstration_manager_needs_none(client: Client, make: Make) -> None:
    sign_in(client, make.user(User.Role.MANAGER, is_demo=True))
    assert client.get("/manage/").status_code == 200


def test_a_manager_cannot_take_the_second_factor_off(client: Client, bob: User) -> None:
    with_app(bob)
    client.force_login(bob, backend="allauth.account.auth_backends.AuthenticationBackend")
    client.post("/accounts/2fa/totp/deactivate/", {})
    assert Authenticator.objects.filter(user=bob, type=Authenticator.Type.TOTP).exists()


def test_the_configuration_pages_are_behind_the_same_sign_in(client: Client, make: Make) -> None:
    assert client.get("/admin/login/").headers["Location"].startswith(LOGIN)
    client.force_login(make.user(User.Role.ADMIN))
    assert client.get("/admin/").headers["Location"] == "/accounts/2fa/totp/activate/"


def test_signing_out_other_sessions_ends_them(make: Make, alice: User) -> None:
    here, there = Client(), Client()
    sign_in(here, alice)
    sign_in(there, alice)
    assert "Current" in here.get("/accounts/sessions/").content.decode()
    here.post("/accounts/sessions/")
    assert here.get("/desk/").status_code == 200
    assert there.get("/desk/").status_code == 302


RESET = "/accounts/password/reset/"


@pytest.mark.parametrize("email", ["alice@desk.example", "nobody@desk.example"])
def test_who_asks_for_a_new_password_learns_nothing_about_accounts(client: Client, make: Make, email: str) -> None:
    make.user(email="alice@desk.example")
    answer = client.post(RESET, {"email": email})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/accounts/password/reset/done/")


def test_a_forgotten_password_is_replaced_by_the_link_that_was_mailed(
    client: Client, alice: User, mailoutbox: list[Any]
) -> None:
    client.post(RESET, {"email": alice.email})
    assert mailoutbox == []  # it leaves from a row, after the commit
    assert alice.email not in str(OutgoingMail.objects.values().get())
    send_mail_now()
    assert mailoutbox[0].to == [alice.email]
    link = re.search(r"https?://[^/\s]+(/accounts/password/reset/key/\S+)", mailoutbox[0].body)
    assert link is not None
    form = client.get(link[1], follow=True)
    address = form.request["PATH_INFO"]
    client.post(address, {"password1": "a new long password", "password2": "a new long password"})
    alice.refresh_from_db()
    assert alice.check_password("a new long password")
    assert client.post(address, {"password1": PASSWORD * 2, "password2": PASSWORD * 2}).status_code != 302


def test_a_link_that_could_not_leave_within_the_hour_never_does(
    client: Client, alice: User, mailoutbox: list[Any]
) -> None:
    client.post(RESET, {"email": alice.email})
    with time_machine.travel(now() + timedelta(hours=2), tick=False):
        send_mail_now()
    assert mailoutbox == []


@pytest.mark.parametrize("weak", ["short", "123456789012", "{email}"])
def test_a_weak_password_is_refused(client: Client, alice: User, weak: str) -> None:
    sign_in(client, alice)
    new = weak.format(email=alice.email)
    client.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


@pytest.mark.parametrize(
    ("header", "language"), [("zh-TW,zh;q=0.9", "zh-Hant"), ("zh-CN", "zh-Hans"), ("de-DE,en;q=0.5", "en")]
)
def test_a_page_speaks_the_browsers_language(client: Client, db: None, header: str, language: str) -> None:
    page = client.get(LOGIN, headers={"Accept-Language": header}).content.decode()
    assert f'<html lang="{language}"' in page


def test_a_choice_goes_before_the_browser_and_stays_with_the_person(client: Client, alice: User) -> None:
    client.force_login(alice)
    response = client.post("/choices/", {"language": "zh-hant", "next": "/desk/?view=all"})
    assert (response.status_code, response.headers["Location"]) == (303, "/desk/?view=all")
    elsewhere = Client(headers={"Accept-Language": "en"})
    elsewhere.force_login(User.objects.get(pk=alice.pk))
    assert '<html lang="zh-Hant"' in elsewhere.get("/desk/").content.decode()


def test_a_guests_choice_is_kept_by_the_browser(client: Client, db: None) -> None:
    client.post("/choices/", {"language": "zh-hans", "theme": "dark", "next": LOGIN})
    page = client.get(LOGIN, headers={"Accept-Language": "en"}).content.decode()
    assert '<html lang="zh-Hans" data-bs-theme="dark"' in page


def test_presence_is_chosen_from_the_menu(client: Client, alice: User) -> None:
    client.force_login(alice)
    client.post("/choices/", {"presence": "online", "next": "/desk/"})
    alice.refresh_from_db()
    assert alice.is_present(now())
    assert 'class="presence online"' in client.get("/desk/").content.decode()


def test_a_choice_leads_to_no_other_site(client: Client, db: None) -> None:
    response = client.post("/choices/", {"theme": "dark", "next": "https://elsewhere.example/"})
    assert response.headers["Location"] == "/"


def test_without_a_choice_the_system_decides_the_theme(client: Client, db: None) -> None:
    assert "data-bs-theme" not in client.get(LOGIN).content.decode()


@pytest.mark.parametrize("path", ["/nothing/here/", "/desk/tickets/T-999999/"])
def test_an_error_page_says_what_to_do(client: Client, alice: User, path: str) -> None:
    client.force_login(alice)
    response = client.get(path)
    assert response.status_code == 404
    assert "There is nothing here" in response.content.decode()


def test_a_page_that_was_open_too_long_says_so(alice: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    response = strict.post("/choices/", {"theme": "dark"})
    assert response.status_code == 403
    assert "This page was open for too long" in response.content.decode()


def test_operations_are_for_those_who_oversee(client: Client, alice: User, make: Make) -> None:
    client.force_login(alice)
    assert client.get("/manage/operations/").status_code == 403
    client.force_login(make.user(User.Role.AUDITOR))
    assert client.get("/manage/operations/").status_code == 200


def test_no_page_asks_another_host_for_anything(client: Client, db: None) -> None:
    response = client.get(LOGIN)
    assert "http://" not in response.content.decode().replace("http://www.w3.org", "")
    assert "https://" not in response.content.decode()
    policy = response.headers["Content-Security-Policy"]
    assert "'unsafe" not in policy
    assert "default-src 'self'" in policy


WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
)
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (WINDOWS, "Chrome on Windows"),
        (f"{WINDOWS} Edg/126.0.0.0", "Edge on Windows"),
        (f"{IPHONE} Mobile/15E148 Safari/604.1", "Safari on iOS"),
        (f"{IPHONE} Mobile/15E148 MicroMessenger/8.0.49", "WeChat on iOS"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Linux; Android 14; K) AppleWebKit/537.36 Chrome/126.0.0.0 Mobile", "Chrome on Android"),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17 Safari/605.1.15",
            "Safari on macOS",
        ),
        ("curl/8.5.0", "Unknown browser"),
        ("", "Unknown browser"),
    ],
)
def test_a_browser_is_called_what_people_call_it(user_agent: str, name: str) -> None:
    assert browser_name(user_agent) == name


def test_the_sessions_name_browsers_and_no_raw_string(alice: User) -> None:
    here = Client(headers={"user-agent": WINDOWS})
    sign_in(here, alice)
    page = here.get("/accounts/sessions/").content.decode()
    assert ">Chrome on Windows<" in page
    assert ">Mozilla" not in page
