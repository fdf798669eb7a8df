"""A request's keys end with it, also where requests are asynchronous."""

import asyncio

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from customers import keys
from customers.middleware import KeyScope
from servicedesk.ids import new_id


def held() -> dict:
    scope = keys._current.get()
    return {} if scope is None else scope.keys


def test_keys_end_with_the_request():
    key_id = new_id()

    def view(request):
        keys._scope().keys[key_id] = None
        assert key_id in held()
        return HttpResponse()

    assert KeyScope(view)(RequestFactory().get("/")).status_code == 200
    assert key_id not in held()


def test_keys_end_with_a_request_that_fails():
    key_id = new_id()

    def view(request):
        keys._scope().keys[key_id] = None
        raise ValueError

    with pytest.raises(ValueError):
        KeyScope(view)(RequestFactory().get("/"))
    assert key_id not in held()


def test_keys_of_one_asynchronous_request_are_not_anothers():
    seen = []

    async def view(request):
        mine = new_id()
        keys._scope().keys[mine] = None
        await asyncio.sleep(0)
        seen.append(set(held()) == {mine})
        return HttpResponse()

    async def two() -> None:
        handler = KeyScope(view)
        await asyncio.gather(*(handler(RequestFactory().get("/")) for _ in range(5)))

    asyncio.run(two())
    assert seen == [True] * 5


def test_keys_end_with_a_task():
    from celery.signals import task_postrun, task_prerun

    key_id = new_id()
    task_prerun.send(sender=None)
    keys._scope().keys[key_id] = None
    task_postrun.send(sender=None)
    assert key_id not in held()
