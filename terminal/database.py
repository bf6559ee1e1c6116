"""The processes that use the database: each has a login role of its own, and may have a setting of its own for it."""

from collections.abc import Mapping
from enum import StrEnum

from terminal.environment import required_url

OWNER_SETTING = "TRANCHE_DATABASE_URL"
_SCHEMES = ("postgresql", "postgres")


class DatabaseProcess(StrEnum):
    """A kind of process; `ledger/database_roles.toml` says what the role of each may do."""

    SERVING = "serving"
    PAYMENTS = "payments"
    LENDING = "lending"
    BOOKS = "books"
    IDENTITY = "identity"
    FEATURES = "features"
    RELAY = "relay"
    READER = "reader"

    @property
    def role(self) -> str:
        """The login role.

        >>> DatabaseProcess.SERVING.role, DatabaseProcess.SERVING.setting
        ('tranche_serving', 'TRANCHE_SERVING_DATABASE_URL')
        """
        return f"tranche_{self.value}"

    @property
    def setting(self) -> str:
        """The variable with the address that this kind of process connects to."""
        return _SETTINGS[self]


_SETTINGS = {
    DatabaseProcess.SERVING: "TRANCHE_SERVING_DATABASE_URL",
    DatabaseProcess.PAYMENTS: "TRANCHE_PAYMENTS_DATABASE_URL",
    DatabaseProcess.LENDING: "TRANCHE_LENDING_DATABASE_URL",
    DatabaseProcess.BOOKS: "TRANCHE_BOOKS_DATABASE_URL",
    DatabaseProcess.IDENTITY: "TRANCHE_IDENTITY_DATABASE_URL",
    DatabaseProcess.FEATURES: "TRANCHE_FEATURES_DATABASE_URL",
    DatabaseProcess.RELAY: "TRANCHE_RELAY_DATABASE_URL",
    DatabaseProcess.READER: "TRANCHE_READER_DATABASE_URL",
}
PROCESS_SETTINGS = tuple(_SETTINGS.values())


def owner_url(environ: Mapping[str, str]) -> str:
    """The address of the database as its owner, who migrates and repairs it; raises SettingFault."""
    return required_url(environ, OWNER_SETTING, "postgresql://tranche@db.example:5432/tranche", _SCHEMES)


def process_url(environ: Mapping[str, str], process: DatabaseProcess | None) -> str:
    """The address of the database for one kind of process: its own setting, or else the owner's; raises SettingFault.

    None stands for the owner.
    """
    if process is None or not environ.get(process.setting, "").strip():
        return owner_url(environ)
    return required_url(environ, process.setting, f"postgresql://{process.role}@db.example/tranche", _SCHEMES)
