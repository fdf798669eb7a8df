"""`/api/v1/calendars/` and the admin's door to the same actions."""

from datetime import date

import pytest
from django.test import Client

from clocks.actions import set_country_day
from clocks.models import Calendar, CountryDay
from servicedesk.actions.keys import issue_api_key
from servicedesk.actor import SYSTEM
from servicedesk.models import User
from servicedesk.remembered_keys import forget_keys
from tests.clocks.probes import HOUR, MONDAY, OFFICE, office, plan, started
from tests.counting import steady_caches

pytestmark = pytest.mark.django_db
PATH = "/api/v1/calendars/"
BODY = {
    "name": "Shanghai",
    "time_zone": "Asia/Shanghai",
    "hours": OFFICE | {"sat": [["10:00", "24:00"]]},
    "holidays": ["2026-12-25"],
    "extra_workdays": ["2026-12-27"],
    "country": "CN",
}


def client(*scopes):
    forget_keys()
    key = issue_api_key(integration="planner", scopes=list(scopes), by=SYSTEM, rate_per_minute=100_000)
    return Client(headers={"Authorization": f"Bearer {key.fresh_secret}"})


@pytest.fixture
def api():
    return client("sla:write")


def send(method, path, body, **headers):
    return method(path, body, content_type="application/json", headers=headers)


def test_a_calendar_is_made_and_read(api):
    made = send(api.post, PATH, BODY)
    assert made.status_code == 201, made.content
    found = made.json()
    assert {name: found[name] for name in BODY if name != "hours"} == {k: v for k, v in BODY.items() if k != "hours"}
    assert found["hours"] == {**BODY["hours"], "sun": []}
    assert (found["version"], found["recompute"]) == (1, None)
    assert made.headers["ETag"] == '"v1"'
    assert api.get(f"{PATH}{found['id']}/").json() == found
    assert api.get(PATH).json()["results"] == [found]


def test_a_patch_changes_what_it_names_and_shows_the_recomputation(api, probe, clock_face):
    calendar = office()
    started(probe, plan(target=10 * HOUR, calendar=calendar))
    path = f"{PATH}{calendar.pk}/"
    changed = send(api.patch, path, {"hours": {"mon": [["09:00", "20:00"]]}}, **{"If-Match": '"v1"'}).json()
    assert (changed["version"], changed["name"], changed["country"]) == (2, "Office", None)
    assert (changed["recompute"]["total"], changed["recompute"]["done"]) == (1, 0)
    clock_face.sweep()
    assert probe.clock().due_at == MONDAY + 10 * HOUR
    assert api.get(path).json()["recompute"]["percent"] == 100
    assert send(api.patch, path, {"name": "New"}, **{"If-Match": '"v1"'}).status_code == 412


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"hours": {"mon": [["09:00"]]}}, "hours.mon.0"),
        ({"hours": {"mon": [["9:00", "18:00"]]}}, "hours.mon.0"),
        ({"hours": {"mon": "09:00"}}, "hours.mon"),
        ({"hours": {"monday": []}}, "hours.monday"),
        ({"hours": {}}, "hours"),
        ({"hours": None}, "hours"),
        ({"time_zone": "Nowhere"}, "time_zone"),
        ({"time_zone": "../etc"}, "time_zone"),
        ({"country": "XX"}, "country"),
        ({"holidays": ["tomorrow"]}, "holidays.0"),
        ({"name": ""}, "name"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_makes_no_sense_is_a_problem_that_names_the_field(api, change, field):
    answer = send(api.post, PATH, BODY | change)
    assert answer.status_code == 422, answer.content
    assert field in {error["field"] for error in answer.json()["errors"]}
    assert not Calendar.objects.exists()


def test_who_may_only_read_cannot_write(db):
    reader = client("sla:read")
    assert send(reader.post, PATH, BODY).status_code == 403
    assert reader.get(PATH).status_code == 200
    assert client("tickets:read").get(PATH).status_code == 403


def test_years_that_a_country_has_not_announced_are_named(api, monkeypatch):
    asked = []
    monkeypatch.setattr("clocks.notices.years_not_announced", lambda *facts: asked.append(facts) or (2027,))
    office(country="CN")
    office(name="Nowhere")
    set_country_day(country="CN", on=date(2026, 12, 5), is_working=True, by=SYSTEM)
    found = {one["country"]: one["years_not_announced"] for one in api.get(PATH).json()["results"]}
    assert found == {"CN": [2027], None: []}
    assert [(country, years) for country, _today, years in asked] == [("CN", {2026})]


def test_a_manager_is_told_of_days_not_announced_and_of_nothing_else(make, client, monkeypatch):
    monkeypatch.setattr(
        "clocks.notices.years_not_announced", lambda country, *facts: (2027,) if country == "CN" else ()
    )
    office(country="DE")
    client.force_login(make.user(User.Role.MANAGER, is_demo=True))
    assert "notice warn" not in client.get("/manage/").content.decode()
    office(name="Shanghai", country="CN")
    page = client.get("/manage/").content.decode()
    assert page.count("of CN for 2027 are not complete yet") == 1


def test_a_list_costs_the_same_however_long_it_is(api, django_assert_max_num_queries):
    for number in range(8):
        office(name=f"Office {number}", country="CN")
    with steady_caches(), django_assert_max_num_queries(12):
        assert len(api.get(PATH).json()["results"]) == 8


# ------------------------------------------------------------------------------------------------ the admin


@pytest.fixture
def desk(make, settings):
    admin = make.user(User.Role.ADMIN, is_demo=True)
    browser = Client()
    browser.force_login(admin, backend=settings.AUTHENTICATION_BACKENDS[0])
    return browser


def fields(**changes):
    day = '[["09:00", "18:00"]]'
    return {
        "name": "Berlin",
        "time_zone": "Europe/Berlin",
        "hours": f'{{"mon": {day}}}',
        "holidays": "[]",
        "extra_workdays": "[]",
        "country": "DE",
        **changes,
    }


def test_the_admin_goes_through_the_same_actions(desk):
    assert desk.post("/admin/clocks/calendar/add/", fields()).status_code == 302
    calendar = Calendar.objects.get(name="Berlin")
    assert (calendar.version, calendar.current.country) == (1, "DE")
    path = f"/admin/clocks/calendar/{calendar.pk}/change/"
    assert desk.post(path, fields(holidays='["2026-12-24"]')).status_code == 302
    calendar.refresh_from_db()
    assert (calendar.version, calendar.holidays) == (2, ["2026-12-24"])


@pytest.mark.parametrize(
    "wrong", [{"hours": "{}"}, {"time_zone": "Nowhere"}, {"holidays": '["soon"]'}, {"hours": '{"mon": 5}'}]
)
def test_the_admin_shows_what_makes_no_sense(desk, wrong):
    answer = desk.post("/admin/clocks/calendar/add/", fields(**wrong))
    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors
    assert not Calendar.objects.exists()


def test_corrections_are_kept_in_the_admin(desk):
    calendar = office(country="CN")
    day = {"country": "CN", "on": "2026-12-01", "is_working": "", "name": "Typhoon"}
    assert desk.post("/admin/clocks/countryday/add/", day).status_code == 302
    made = CountryDay.objects.get()
    assert Calendar.objects.get(pk=calendar.pk).version == 2
    assert desk.post("/admin/clocks/countryday/add/", day | {"country": "XX"}).status_code == 200
    assert desk.post(f"/admin/clocks/countryday/{made.pk}/delete/", {"post": "yes"}).status_code == 302
    assert Calendar.objects.get(pk=calendar.pk).version == 3
