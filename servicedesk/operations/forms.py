"""What the managers' pages for keys and webhooks take in. Rules live in the actions; here only shapes."""

from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from servicedesk.actions.keys import LIFETIME, LONGEST_NAME
from servicedesk.actor import Actor
from servicedesk.models import Shop
from servicedesk.permissions import SCOPE_PERMISSIONS
from servicedesk.webhooks.addresses import MAX_URL


class ShopsForm(forms.Form):
    """A form with a choice among the shops its actor sees; the field is left out where there is but one."""

    shops = forms.ModelMultipleChoiceField(
        label=_("Shops"), queryset=Shop.objects.none(), required=False, help_text=_("None chosen: every shop of yours.")
    )

    def __init__(self, *args: Any, by: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        shops = Shop.objects.all() if by.shops is None else Shop.objects.filter(pk__in=by.shops)
        if shops.count() > 1:
            self.fields["shops"].queryset = shops  # type: ignore[attr-defined]
        else:
            del self.fields["shops"]

    def chosen_shops(self) -> list[Any] | None:
        return [shop.pk for shop in self.cleaned_data.get("shops", ())] or None


class KeyForm(ShopsForm):
    """A new API key."""

    integration = forms.CharField(
        label=_("Integration"), max_length=LONGEST_NAME, help_text=_("The program that will use the key.")
    )
    scopes = forms.MultipleChoiceField(
        label=_("Scopes"),
        choices=[(scope, scope) for scope in SCOPE_PERMISSIONS],
        widget=forms.SelectMultiple({"size": len(SCOPE_PERMISSIONS)}),
    )
    days = forms.IntegerField(
        label=_("Days until it expires"),
        min_value=1,
        max_value=3650,
        required=False,
        initial=LIFETIME.days,
        help_text=_("Empty: never."),
    )
    rate_per_minute = forms.IntegerField(
        label=_("Requests a minute"), min_value=1, max_value=1_000_000, required=False, help_text=_("Empty: as usual.")
    )
    field_order = ("integration", "scopes", "days", "rate_per_minute", "shops")

    def facts(self) -> dict[str, Any]:
        """As `issue_api_key` takes them."""
        days = self.cleaned_data["days"]
        return {
            "integration": self.cleaned_data["integration"],
            "scopes": self.cleaned_data["scopes"],
            "shops": self.chosen_shops(),
            "lasting": timedelta(days=days) if days else None,
            "rate_per_minute": self.cleaned_data["rate_per_minute"],
        }


class EndpointForm(ShopsForm):
    """A new webhook endpoint."""

    url = forms.CharField(label=_("Address"), max_length=MAX_URL, widget=forms.URLInput)
    kinds = forms.CharField(
        label=_("Kinds of events"), max_length=2000, initial="*", help_text=_("Such as ticket.opened clock.* or *.")
    )
    field_order = ("url", "kinds", "shops")

    def facts(self) -> dict[str, Any]:
        """As `register_endpoint` takes them."""
        kinds = self.cleaned_data["kinds"].replace(",", " ").split()
        return {"url": self.cleaned_data["url"], "kinds": kinds, "shops": self.chosen_shops()}
