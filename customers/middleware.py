"""Customers' keys live as long as the request that needed them."""

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from customers.keys import end_scope, start_scope

Handler = Callable[[HttpRequest], HttpResponseBase] | Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def KeyScope(get_response: Handler) -> Handler:  # noqa: N802  named like the middleware classes beside it
    """Forget all keys when the answer is made."""
    if iscoroutinefunction(get_response):

        async def answer_later(request: HttpRequest) -> HttpResponseBase:
            start_scope()
            try:
                response: HttpResponseBase = await get_response(request)
                return response
            finally:
                end_scope()

        return answer_later

    def answer(request: HttpRequest) -> HttpResponseBase:
        start_scope()
        try:
            return get_response(request)  # type: ignore[return-value]
        finally:
            end_scope()

    return answer
