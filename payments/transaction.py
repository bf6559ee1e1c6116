"""The type by which an act opens database transactions without running SQL itself."""

from collections.abc import Callable
from contextlib import AbstractContextManager

Transaction = Callable[[], AbstractContextManager[object]]
"""Opens a transaction block, committed or rolled back as a whole; includes all statements of adapters inside it."""
