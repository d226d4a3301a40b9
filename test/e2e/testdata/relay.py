"""Passes bytes on, a thread a direction: whatever protocol they are."""
import socket
import sys
import threading

HOST, PORT = sys.argv[1].rsplit(":", 1)
UPSTREAM = tuple(sys.argv[2].rsplit(":", 1))


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        for s in (source, sink):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def serve(near):
    with near, socket.create_connection((UPSTREAM[0], int(UPSTREAM[1]))) as far:
        for s in (near, far):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        back = threading.Thread(target=pump, args=(far, near))
        back.start()
        pump(near, far)
        back.join()


with socket.create_server((HOST, int(PORT))) as listener:
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
