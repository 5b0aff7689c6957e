"""What can go wrong while starting, as one sentence with the remedy."""


class SetupProblem(Exception):
    """The machine or the folder is not as it must be.

    The message is for the person at the terminal: one sentence that names the cause and what to do. It is printed
    without a traceback.
    """
