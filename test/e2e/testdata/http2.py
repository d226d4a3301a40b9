"""An HTTP service whose requests ask on by HTTP/2 without TLS, a thread a connection.

/gate/N ends when N requests to it are there, so that they ask on at once.
"""
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
import httpx

DOWNSTREAM = sys.argv[2]
SDK = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

own = threading.local()
shared = grpc.insecure_channel(DOWNSTREAM)
gate = threading.Barrier(8)


def by_httpx(path, headers=None):
    if not hasattr(own, "client"):
        own.client = httpx.Client(http1=False, http2=True)
    response = own.client.get("http://" + DOWNSTREAM + "/" + path, headers=headers)
    return response.content


def by_post(path):
    if not hasattr(own, "client"):
        own.client = httpx.Client(http1=False, http2=True)
    return own.client.post("http://" + DOWNSTREAM + "/" + path, content=b"x" * 100000).content[5:]


def by_grpc(path, metadata=None):
    # A call that waits for the connection is written by the thread that connects.
    grpc.channel_ready_future(shared).result(10)
    return shared.unary_unary("/" + path)(b"", metadata=metadata)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        _, way, path = self.path.split("/", 2)
        if way == "httpx":
            body = by_httpx(path)
        elif way == "post":
            body = by_post(path)
        elif way == "httpx-sdk":
            body = by_httpx(path, {"traceparent": SDK})
        elif way == "grpc":
            body = by_grpc(path)
        elif way == "grpc-sdk":
            body = by_grpc(path, (("traceparent", SDK),))
        elif way == "grpc-at-once":
            gate.wait(10)
            body = by_grpc(path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 128


host, port = sys.argv[1].rsplit(":", 1)
Server((host, int(port)), Handler).serve_forever()
