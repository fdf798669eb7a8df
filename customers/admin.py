"""Configuration only: customers themselves are worked on at the desk, under its permissions and its log."""

from django.contrib import admin

from customers.models import CustomerTag


@admin.register(CustomerTag)
class CustomerTagAdmin(admin.ModelAdmin[CustomerTag]):
    list_display = ("name",)
    search_fields = ("name",)
