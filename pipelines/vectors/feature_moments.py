"""The moments for which vectors are built: each application's own, and given days for all entities known then."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from features.catalog import FeatureSet

APPLICATIONS = "curated.credit_applications"
ACCOUNTS = "curated.accounts"
MERCHANTS = "curated.merchants"


@dataclass(frozen=True, slots=True)
class Register:
    """The table that lists all entities of a kind, whether a build needs it, and the columns read."""

    table: str
    required: bool
    columns: tuple[str, ...]


REGISTERS = {
    "applicant": Register(ACCOUNTS, required=True, columns=("account_id", "shopper_id", "recorded_at")),
    "merchant": Register(MERCHANTS, required=False, columns=("merchant_id", "recorded_at")),
}


def applications_columns(of: FeatureSet) -> tuple[str, ...]:
    """The columns of applications that the moments need."""
    return (*of.keys, "applied_at")


def moments_sql(of: FeatureSet, as_of: Sequence[datetime], *, applications: str | None, register: str | None) -> str:
    """Spark SQL for the keys and `as_of` of each moment; each pair of entity and moment appears once.

    A relation that is None contributes nothing.
    """
    entity, *others = of.keys
    keys = ", ".join(of.keys)
    parts = []
    if applications is not None:
        parts.append(f"SELECT {keys}, applied_at AS as_of FROM {applications} WHERE {entity} IS NOT NULL")  # noqa: S608
    if register is not None:
        for moment in sorted(set(as_of)):
            instant = f"CAST('{moment.isoformat(sep=' ')}' AS TIMESTAMP)"
            parts.append(f"SELECT {keys}, {instant} AS as_of FROM {register} WHERE recorded_at <= {instant}")  # noqa: S608
    if not parts:
        nobody = ", ".join(f"CAST(NULL AS STRING) AS {key}" for key in of.keys)
        parts.append(f"SELECT {nobody}, CAST(NULL AS TIMESTAMP) AS as_of WHERE 1 = 0")
    named = "".join(f"MIN({other}) AS {other}, " for other in others)
    union = "\nUNION ALL ".join(parts)
    return f"SELECT {entity}, {named}as_of FROM ({union}) AS told GROUP BY {entity}, as_of"  # noqa: S608
