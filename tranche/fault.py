"""Faults at the command line, with messages for the person who typed the command."""

import re

from terminal.fault import Fault


class RuntimeFault(Fault):
    """Raised when the local runtime cannot do what was asked. The message says what is wrong and what to do."""


# Errors of outside systems that any command can meet, by the name of their class, so that no client is imported.
_OF_THE_SURROUNDINGS = {
    "psycopg.OperationalError": "the database of TRANCHE_DATABASE_URL does not answer or refused the work",
    "psycopg_pool.PoolTimeout": "the database of TRANCHE_DATABASE_URL does not answer",
    "botocore.exceptions.EndpointConnectionError": "nothing answers at TRANCHE_AWS_ENDPOINT",
    "botocore.exceptions.ConnectTimeoutError": "nothing answers at TRANCHE_AWS_ENDPOINT",
    "botocore.exceptions.NoCredentialsError": "AWS credentials are missing: set AWS_ACCESS_KEY_ID and its companions",
    "httpx.ConnectError": "nothing answers at the address asked, such as TRANCHE_PROVIDER_URL",
}


_NOT_SET = re.compile(
    r"setting (TRANCHE_(?:DATABASE_URL|AWS_ENDPOINT|MLFLOW_TRACKING_URI|MODELS_DIR|PROVIDER_URL)) is not"
)


def without_runtime(message: str) -> str:
    """A message with advice if a setting is missing that a runtime would provide; any other message unchanged."""
    missing = _NOT_SET.match(message)
    if missing is None:
        return message
    return (
        "there is no world to work on yet: make demo makes one and chooses it, tranche local up makes an empty one, "
        f"tranche use chooses among those there are (or set {missing[1]} and its companions, see docs/settings.md)"
    )


def in_plain_words(error: BaseException) -> str | None:
    """One line for a fault that a person can fix; None for any other error, which needs its traceback."""
    if isinstance(error, Fault):
        return without_runtime(error.user_message)
    for kind in type(error).__mro__:
        meaning = _OF_THE_SURROUNDINGS.get(f"{kind.__module__}.{kind.__qualname__}")
        if meaning is not None:
            detail = " ".join(str(error).split())
            return f"{meaning}: {detail}; a local one is started with: tranche local up"
    return None
