"""Sends what a file tells, each step in one call, and hears each answer to its end."""
import json
import os
import select
import socket
import sys
import tempfile
import threading


def send_file(s, text):
    with tempfile.TemporaryFile() as f:
        f.write(text)
        f.flush()
        at = 0
        while at < len(text):
            at += os.sendfile(s.fileno(), f.fileno(), at, len(text) - at)


def hear(s, n):
    while n:
        got = len(s.recv(n))
        if not got:
            sys.exit("the answer ended early")
        n -= got


def hear_all(s):
    """Does not block in recv: in a sockmap that ends with EAGAIN when something other than data wakes it."""
    while True:
        select.select([s], [], [])
        try:
            if not s.recv(4096, socket.MSG_DONTWAIT):
                return
        except BlockingIOError:
            pass  # the other thread has heard it


s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
reader = None
for step in json.load(open(sys.argv[2])):
    text = step["Send"].encode("latin-1")
    if step["How"] == "sendfile":
        send_file(s, text)
    elif step["How"] == "more":
        s.send(text, socket.MSG_MORE)
    elif step["How"] == "meanwhile":  # more than the buffer holds, while another thread reads
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 200000)
        reader = threading.Thread(target=hear_all, args=(s,))
        reader.start()
        s.sendall(text)
    else:
        s.sendall(text)
    hear(s, len(step["Answer"]))
s.shutdown(socket.SHUT_WR)
if reader:
    reader.join()
else:
    hear_all(s)
s.close()
