"""An invented shop with a history: what `manage.py demo` fills an empty desk with."""
