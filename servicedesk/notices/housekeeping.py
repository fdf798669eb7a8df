"""Read notices go after a month."""

from datetime import timedelta
from typing import Final

from servicedesk.clock import now
from servicedesk.housekeeping import housekeeper
from servicedesk.models import Notice

KEPT: Final = timedelta(days=30)


@housekeeper
def forget_read_notices(limit: int = 5000) -> int:
    old = Notice.objects.filter(read_at__lt=now() - KEPT).order_by("read_at").values_list("pk", flat=True)
    return Notice.objects.filter(pk__in=list(old[:limit])).delete()[0]
