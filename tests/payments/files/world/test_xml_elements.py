"""Elements as a stream: what was read does not stay in memory."""

from pathlib import Path

from payments.files.world.source_file import SourceFile
from payments.files.world.xml_elements import read_elements
from tests.payments.files.world.samples import LIMIT, Booking, a_camt, a_file


def test_entries_that_were_read_are_dropped_so_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = a_file(tmp_path, a_camt([Booking()] * 500))
    read = 0
    for event, element in read_elements(SourceFile.of(path, LIMIT), ("Stmt",), ("Ntry", "Stmt")):
        read += element.name == "Ntry"
        if event == "end" and element.name == "Stmt":
            kept = element.children("Ntry")

    assert read == 500
    assert [(each.has("Amt")) for each in kept] == [False]
