"""The bare endpoints' addresses."""

from django.urls import path

from bench.yardsticks.views import BareInsert, BarePage

urlpatterns = [path("bare/tickets/", BareInsert.as_view()), path("bare/page/", BarePage.as_view())]
