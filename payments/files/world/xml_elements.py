"""Elements of an XML file as a stream, by a parser without entities, document types and network.

An element that is yielded at its end is emptied afterwards, so memory stays the same however large the file is.
"""

import codecs
import re
from collections.abc import Iterator

from lxml import etree

from data_contracts.files import FileFault
from payments.files.world.source_file import HEAD_BYTES, SourceFile, Spot

LARGEST_ELEMENT = 16 * 1024 * 1024
ENCODINGS = {"utf-8", "ascii", "iso8859-1", "iso8859-15", "cp1252"}

_DECLARED = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")


class Element:
    """An element of one namespace. Paths are local names, such as `Acct/Id/IBAN`."""

    __slots__ = ("_children", "_node", "_paths", "name", "prefix", "spot")

    def __init__(self, node: etree._Element, prefix: str, spot: Spot, paths: dict[str, tuple[str, ...]]) -> None:
        self._node = node
        self._paths = paths
        self._children: dict[str, etree._Element] | None = None
        self.name = node.tag.rpartition("}")[2]
        self.prefix = prefix
        self.spot = spot

    def _tags(self, path: str) -> tuple[str, ...]:
        known = self._paths.get(path)
        if known is None:
            known = self._paths[path] = tuple(self.prefix + name for name in path.split("/"))
        return known

    def _find(self, path: str) -> etree._Element | None:
        """The first element under the path; the first step is by a table, as most paths asked for are not there."""
        if self._children is None:
            self._children = {}
            for child in self._node:
                self._children.setdefault(child.tag, child)
        tags = self._paths.get(path) or self._tags(path)
        node = self._children.get(tags[0])
        for tag in tags[1:]:
            if node is None:
                return None
            node = next(node.iterchildren(tag), None)
        return node

    def has(self, path: str) -> bool:
        return self._find(path) is not None

    def first(self, *paths: str) -> str | None:
        """The strict text of the first path that is there; None if none is."""
        for path in paths:
            found = self._find(path)
            if found is not None:
                return self.spot.text(path, _own_text(found, self.spot))
        return None

    @property
    def own_text(self) -> str:
        return self.spot.text(self.name, _own_text(self._node, self.spot))

    def attribute(self, name: str, path: str | None = None) -> str | None:
        node = self._node if path is None else self._find(path)
        value = None if node is None else node.get(name)
        return None if value is None else self.spot.text(name, value)

    def child(self, path: str) -> "Element | None":
        node = self._find(path)
        return None if node is None else self._like(node)

    def children(self, path: str) -> "list[Element]":
        return [self._like(each) for each in self._node.findall("/".join(self._tags(path)))]

    def ancestor(self, name: str) -> "Element | None":
        """The nearest element of that name around this one."""
        node = next(self._node.iterancestors(self.prefix + name), None)
        return None if node is None else self._like(node)

    @property
    def parent_name(self) -> str:
        parent = self._node.getparent()
        return "" if parent is None else str(parent.tag).rpartition("}")[2]

    def _like(self, node: etree._Element) -> "Element":
        return Element(node, self.prefix, Spot(self.spot.path, node.sourceline or 0), self._paths)


def root_names(source: SourceFile) -> Iterator[str]:
    """The local names of the first elements of the file, from the outside to the inside."""
    parser = _parser(("start",), None)
    try:
        for chunk in _chunks(source):
            parser.feed(chunk)
            for _, node in parser.read_events():
                _without_document_type(source, node)
                yield node.tag.rpartition("}")[2]
            if len(chunk) >= HEAD_BYTES:
                return
    except etree.XMLSyntaxError as error:
        raise _syntax(source, parser, error) from error


def read_elements(source: SourceFile, starts: tuple[str, ...], ends: tuple[str, ...]) -> Iterator[tuple[str, Element]]:
    """Pairs of `start` or `end` and the element, for the names asked for; unsound XML raises FileFault."""
    names = tuple(f"{{*}}{name}" for name in {*starts, *ends})
    parser = _parser(("start", "end"), names)
    paths: dict[str, dict[str, tuple[str, ...]]] = {}
    unread = 0
    try:
        for chunk in _chunks(source):
            unread += len(chunk)
            parser.feed(chunk)
            for event, node in parser.read_events():
                if not paths:
                    _without_document_type(source, node)
                namespace, _, name = node.tag.rpartition("}")
                prefix = f"{namespace}}}" if namespace else ""
                if name in (starts if event == "start" else ends):
                    spot = Spot(source.path, node.sourceline or 0)
                    yield event, Element(node, prefix, spot, paths.setdefault(prefix, {}))
                if event == "end" and name in ends:
                    unread = 0
                    _empty(node)
            if unread > LARGEST_ELEMENT:
                raise source.at(0).fault("(file)", f"an element is larger than {LARGEST_ELEMENT:,} bytes")
        parser.close()
    except etree.XMLSyntaxError as error:
        raise _syntax(source, parser, error) from error


def _without_document_type(source: SourceFile, node: etree._Element) -> None:
    if node.getroottree().docinfo.doctype:
        raise source.at(1).fault("(file)", "has a DOCTYPE, which no payment file has")


def _empty(node: etree._Element) -> None:
    node.clear()
    before, parent = node.getprevious(), node.getparent()
    if before is not None and parent is not None and before.tag == node.tag:
        parent.remove(before)


def _parser(events: tuple[str, ...], names: tuple[str, ...] | None) -> etree.XMLPullParser:
    return etree.XMLPullParser(
        events=events,
        tag=names,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        collect_ids=False,
    )


def _chunks(source: SourceFile) -> Iterator[bytes]:
    """The bytes of the file, looked through for what a payment file never has before a parser sees them."""
    head = source.head
    declared = _DECLARED.search(head[:256])
    if declared:
        try:
            encoding = codecs.lookup(declared[1].decode("ascii")).name
        except LookupError:
            encoding = ""
        if encoding not in ENCODINGS:
            raise source.at(1).fault("encoding", f"{declared[1].decode('ascii')!r} is not read; UTF-8 is")
    kept = b""
    line = 1
    with source.open() as file:
        while chunk := file.read(HEAD_BYTES):
            window = kept + chunk
            for word in (b"<!DOCTYPE", b"<!ENTITY", b"\x00"):
                found = window.find(word)
                if found >= 0 and not _in_cdata(window, found):
                    at = source.at(line + window[len(kept) : found].count(b"\n"))
                    name = "a NUL" if word == b"\x00" else word[2:].decode("ascii")
                    raise at.fault("(file)", f"has {name}, which no payment file has")
            line += chunk.count(b"\n")
            kept = window[-16:]
            yield chunk


def _in_cdata(window: bytes, found: int) -> bool:
    """Whether a mark is text inside a CDATA section that began in the same part of the file."""
    begun = window.rfind(b"<![CDATA[", 0, found)
    return begun >= 0 and window.find(b"]]>", begun, found) < 0 and window[found : found + 1] != b"\x00"


def _own_text(node: etree._Element, spot: Spot) -> str:
    if len(node):
        raise spot.fault(str(node.tag).rpartition("}")[2], "has elements where text is expected")
    return node.text or ""


def _syntax(source: SourceFile, parser: etree.XMLPullParser, error: etree.XMLSyntaxError) -> FileFault:
    """The parser's first complaint; after one that it passes over it says only that it found no element."""
    known = next(iter(parser.feed_error_log), None)
    line, message = (known.line, known.message) if known is not None else (error.lineno or 0, error.msg or "")
    return source.at(line).fault("(file)", f"is not sound XML: {' '.join(message.split())}")
