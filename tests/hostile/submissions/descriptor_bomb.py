"""Opens files and sockets without end."""

import os
import socket

held = []
for _ in range(10**5):
    try:
        held += [os.open("/dev/null", os.O_RDONLY), socket.socket()]
    except OSError:
        break
