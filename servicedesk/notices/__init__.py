"""Notices: what people of the staff hear of, and by which ways: bell, browser, sound, mail. See docs/notices.md."""
