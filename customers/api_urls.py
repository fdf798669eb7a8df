"""Where the REST doors of customers are."""

from customers.api import CustomerViews
from servicedesk.rest.urls_base import DeskRouter

router = DeskRouter()
router.register("customers", CustomerViews, basename="customer")

urlpatterns = router.urls
