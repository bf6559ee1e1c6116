"""What can go wrong at the command line, in words for the person who typed the command."""

from terminal.fault import Fault


class RuntimeFault(Fault):
    """The local runtime cannot do what was asked. The message says what is wrong and what to do."""


# Trouble of the systems around us that any command can meet, by the name of the error so that no client is imported.
_OF_THE_SURROUNDINGS = {
    "psycopg.OperationalError": "the database of TRANCHE_DATABASE_URL does not answer or refused the work",
    "psycopg_pool.PoolTimeout": "the database of TRANCHE_DATABASE_URL does not answer",
    "botocore.exceptions.EndpointConnectionError": "nothing answers at TRANCHE_AWS_ENDPOINT",
    "botocore.exceptions.ConnectTimeoutError": "nothing answers at TRANCHE_AWS_ENDPOINT",
    "botocore.exceptions.NoCredentialsError": "AWS credentials are missing: set AWS_ACCESS_KEY_ID and its companions",
    "httpx.ConnectError": "nothing answers at the address asked, such as TRANCHE_PROVIDER_URL",
}


def in_plain_words(error: BaseException) -> str | None:
    """One line for a fault that a person can put right; None for anything else, which deserves its traceback."""
    if isinstance(error, Fault):
        return error.user_message
    for kind in type(error).__mro__:
        meaning = _OF_THE_SURROUNDINGS.get(f"{kind.__module__}.{kind.__qualname__}")
        if meaning is not None:
            detail = " ".join(str(error).split())
            return f"{meaning}: {detail}; a local one is started with: tranche local up"
    return None
