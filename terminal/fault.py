"""Trouble that a person can put right."""


class Fault(Exception):
    """Its message says what is wrong and what to do; the command line prints it without a traceback."""

    @property
    def user_message(self) -> str:
        return str(self)
