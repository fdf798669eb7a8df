"""Where the REST doors of calendars are."""

from clocks.api import CalendarViews
from servicedesk.rest.urls_base import DeskRouter

router = DeskRouter()
router.register("calendars", CalendarViews, basename="calendar")

urlpatterns = router.urls
