"""Database transactions, as an act needs them: it says where one begins and ends, and runs no SQL itself."""

from collections.abc import Callable
from contextlib import AbstractContextManager

Transaction = Callable[[], AbstractContextManager[object]]
"""Opens a block that is kept whole or undone whole; an adapter's statements belong to the block around them."""
