"""An HTTP service of the standard library, a thread a connection."""
import http.client
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DOWNSTREAM = sys.argv[2] if len(sys.argv) > 2 else ""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one segment: no delayed acknowledgement between them

    def answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        _, first, *rest = self.path.split("/", 2)
        if first == "ok":
            self.answer(200, b"ok\n")
        elif first == "slow":
            time.sleep(int(rest[0]) / 1000)
            self.answer(200, b"slept\n")
        elif first == "status":
            self.answer(int(rest[0]))
        elif first == "call":
            self.answer(*self.call("/" + rest[0], {}))
        elif first == "after":
            self.answer(200, b"ok\n")
            self.wfile.flush()
            self.call("/" + rest[0], {})
        elif first == "sdk":  # as an instrumented program would, with a context of its own
            self.answer(*self.call("/" + rest[0], {
                "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}))
        else:
            self.answer(404)

    def call(self, path, headers):
        connection = http.client.HTTPConnection(DOWNSTREAM)
        try:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 128


host, port = sys.argv[1].rsplit(":", 1)
Server((host, int(port)), Handler).serve_forever()
