"""Backup and restore of a whole desk: database and attachments in one file, customers' keys in another.

Apps say what a backup leaves out because it can be made again:

    register_rebuilder("contacts", blanks={"customers.ContactPoint": ["digest"]}, rebuild=…, before_serving=True)
    register_rebuilder("search", leaves_out=["tickets.SearchDocument"], rebuild=…)
"""

from servicedesk.backup.errors import BackupError
from servicedesk.backup.registry import Rebuilder, register_rebuilder

__all__ = ["BackupError", "Rebuilder", "register_rebuilder"]
