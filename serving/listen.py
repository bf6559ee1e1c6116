"""Take a port to listen on: the one that was asked for, or the usual one and else the next that is free."""

import errno
import socket

from terminal.fault import Fault

PORT = 8000
PORTS_TRIED = 100


class PortTaken(Fault):
    """Another program listens there."""


def listen(host: str, port: int | None) -> socket.socket:
    """A bound socket. Without `port` the first free one from PORT on; raises PortTaken when there is none."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(PORT, PORT + PORTS_TRIED) if port is None else [port]:
        listener = socket.socket(family)
        # A server that has just ended may leave its port in a state that only this option takes.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, candidate))
            listener.listen(2048)
        except OSError as refusal:
            listener.close()
            if refusal.errno != errno.EADDRINUSE:
                raise PortTaken(f"{host}:{candidate} cannot be listened on: {refusal.strerror}") from refusal
        else:
            return listener
    if port is None:
        raise PortTaken(f"every port of {host} from {PORT} to {PORT + PORTS_TRIED - 1} is taken; --port names another")
    raise PortTaken(f"port {port} of {host} is taken; without --port the next free one from {PORT} on is used")
