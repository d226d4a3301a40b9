"""A Flask application."""
import os
import time
import urllib.error
import urllib.request

from flask import Flask, Response

app = Flask(__name__)


@app.get("/ok")
def ok():
    return "ok\n"


@app.get("/slow/<int:ms>")
def slow(ms):
    time.sleep(ms / 1000)
    return "slept\n"


@app.get("/status/<int:code>")
def status(code):
    return Response(status=code)


@app.get("/call/<path:marker>")
def call(marker):
    try:
        with urllib.request.urlopen(f"http://{os.environ['DOWNSTREAM']}/{marker}") as response:
            return response.read()
    except urllib.error.URLError as problem:
        return str(problem), 502
