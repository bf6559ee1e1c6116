"""The simulated payment provider as a part of the local runtime: `tranche simulation serve` on its own port."""

from pathlib import Path

from tranche.local import process
from tranche.local.process import Running


def start_provider(folder: Path, remembered_port: int | None) -> tuple[Running, int]:
    """Start it on the remembered port, or on a free one; raises RuntimeFault if it does not answer."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log"

    def launch(port: int) -> Running:
        return process.start_module("simulation", ["serve", "--port", str(port), "--var", str(folder)], log=log)

    return process.start_on_a_port(launch, provider_answers, remembered_port, log=log)


def provider_answers(port: int | None) -> bool:
    """Whether the provider on this port answers that it is healthy."""
    return process.answers(f"http://127.0.0.1:{port}/health")
