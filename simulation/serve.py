"""Act: run the simulated provider and bank as a server on loopback."""

import json
import socket
from collections.abc import Callable

import uvicorn

from simulation.server import create_provider_app
from simulation.settings import Settings

LOOPBACK = "127.0.0.1"


def serve_provider(settings: Settings, port: int, say: Callable[[str], None]) -> None:
    """Serve until interrupted. The address is reported once the socket is open, so no request comes too early."""
    app = create_provider_app(settings)
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        listener.listen(128)
        address = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
        settings.address.write_text(address + "\n")
        say(json.dumps({"address": address, "folder": str(settings.folder)}))
        uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[listener])
