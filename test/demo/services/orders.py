"""The second of the demo's services: takes orders and asks stock."""

import os
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

STOCK = "http://" + os.environ["STOCK"]


class Orders(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        time.sleep(0.012)  # checks the order
        try:
            with urllib.request.urlopen(STOCK + "/stock/" + self.path.rsplit("/", 1)[-1]) as answer:
                status, text = 201, b"ordered; " + answer.read()
        except urllib.error.HTTPError as error:
            status, text = 409, error.read()
        time.sleep(0.006)  # writes it down
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


host, port = os.environ["LISTEN"].rsplit(":", 1)
ThreadingHTTPServer((host, int(port)), Orders).serve_forever()
