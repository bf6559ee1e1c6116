"""A file whose form its source has changed: a column or a code that we do not know, unlike a file that is damaged."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from data_contracts.files import FileFault


class SchemaDrift(FileFault):
    """Raised for a column or code of an outside file that is not known; nothing of the file is taken."""


def check_header(path: Path, header: Sequence[str], forms: Mapping[str, Sequence[str]]) -> None:
    """Raise SchemaDrift if the header is most of one of the known forms, and not all of it.

    A header that is like no form says nothing here: its file is none of ours, or damaged.
    """
    if any(list(columns) == list(header) for columns in forms.values()):
        return
    name, columns = max(forms.items(), key=lambda form: len(set(form[1]) & set(header)) / len(form[1]))
    known = set(columns) & set(header)
    if 3 * len(known) < 2 * len(columns):
        return
    unknown = ", ".join(repr(each) for each in header if each not in known) or "none"
    missing = ", ".join(each for each in columns if each not in known) or "none"
    reason = f"is almost that of a {name}: not known {unknown}, not there {missing}"
    if len(known) == len(columns) == len(header):
        reason = f"has the columns of a {name} in another order"
    raise SchemaDrift(path, 1, "(header)", reason[:300])
