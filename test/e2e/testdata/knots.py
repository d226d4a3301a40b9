"""A service whose requests wait for one another; a thread a connection on TCP, one for all on a Unix socket."""
import collections
import http.client
import socketserver
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ADDRESS, DOWNSTREAM = sys.argv[1:]
released = collections.defaultdict(threading.Event)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        _, first, name = self.path.split("/", 2)
        context = {k: v for k, v in self.headers.items() if k.lower() == "traceparent"}
        if first == "wait":  # forwards the context it came with, when it is released
            released[name].wait(20)
            self.call(name, context)
        elif first == "wait-aside":  # and so does a thread of its own
            released[name].wait(20)
            aside = threading.Thread(target=self.call, args=(name, context))
            aside.start()
            aside.join()
        elif first == "release":
            released[name].set()
        elif first == "call":
            self.call(name, {})
        elif first == "hint":  # two responses in one send
            self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK)
            return
        elif first == "until-close":
            self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\nok\n")
            self.close_connection = True
            return
        self.wfile.write(OK)

    def call(self, name, headers):
        connection = http.client.HTTPConnection(DOWNSTREAM)
        try:
            connection.request("GET", "/from/" + name, headers=headers)
            connection.getresponse().read()
        finally:
            connection.close()

    def log_message(self, *_):
        pass


if ADDRESS.startswith("/"):
    server = socketserver.UnixStreamServer(ADDRESS, Handler)
else:
    host, port = ADDRESS.rsplit(":", 1)
    server = ThreadingHTTPServer((host, int(port)), Handler)
server.serve_forever()
