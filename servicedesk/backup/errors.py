"""Why a backup cannot be made or restored, in one line for the person at the keyboard."""


class BackupError(Exception):
    """Nothing was changed when this is raised before the first line of progress about loading."""
