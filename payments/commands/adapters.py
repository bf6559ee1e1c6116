"""The adapters of commands that ask the provider."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from payments.settings import Settings

if TYPE_CHECKING:
    from payments.wiring import Adapters


@contextmanager
def provider_adapters(settings: Settings) -> "Iterator[Adapters]":
    from payments.postgres import connected
    from payments.provider.sandbox import SandboxProvider
    from payments.wiring import adapters_over

    provider = SandboxProvider(settings.provider_url or "")
    try:
        with connected(settings.database_url) as connection:
            yield adapters_over(connection, provider)
    finally:
        provider.close()
