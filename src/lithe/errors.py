"""The one error that lithe raises on purpose."""


class LitheError(Exception):
    """Something the caller can mend: the message states the numbers and the remedy.

    The command line prints it as one line and exits with code 2. Anything else that
    escapes is a defect of lithe, and keeps its traceback.
    """
