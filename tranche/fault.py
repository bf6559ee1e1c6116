"""What can go wrong in the local runtime and the command line, in words for the person who typed the command."""


class RuntimeFault(Exception):
    """The local runtime cannot do what was asked. The message says what is wrong and what to do."""

    @property
    def user_message(self) -> str:
        return str(self)
