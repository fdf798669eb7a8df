"""The verbs of clocks and calendars.

The verbs on a subject's clocks ask no permission: they are part of an action on the subject, which has asked and which
holds the subject's lock. Each settles first: what was overdue by its `at` is breached before anything else is done.
`historic=True` is for history brought over from another system: its times lie in the past and nothing is to follow.
"""

from clocks.actions.calendars import (
    create_calendar,
    edit_calendar,
    refresh_country_days,
    remove_country_day,
    set_country_day,
)
from clocks.actions.changing import finalise_clocks, recompute_clocks, reopen_clocks
from clocks.actions.merging import freeze_clocks, lend_wait, return_wait, thaw_clocks
from clocks.actions.recomputing import request_recompute
from clocks.actions.running import cancel_clocks, pause_clocks, resume_clocks, settle, start_clocks, stop_clocks

__all__ = [
    "cancel_clocks",
    "create_calendar",
    "edit_calendar",
    "finalise_clocks",
    "freeze_clocks",
    "lend_wait",
    "pause_clocks",
    "recompute_clocks",
    "refresh_country_days",
    "remove_country_day",
    "reopen_clocks",
    "request_recompute",
    "resume_clocks",
    "return_wait",
    "set_country_day",
    "settle",
    "start_clocks",
    "stop_clocks",
    "thaw_clocks",
]
