"""Asks the mixed questions of one HTTP library, and checks every answer."""
import asyncio
import hashlib
import http.client
import json
import sys

library, address, plan = sys.argv[1], sys.argv[2], json.load(open(sys.argv[3]))
base = "http://" + address


def body(q):
    return bytes(ord("a") + (q["Number"] + i) % 26 for i in range(q["Body"]))


def pieces(text):
    for at in range(0, len(text), 3000):
        yield text[at:at + 3000]


async def pieces_later(text):
    for piece in pieces(text):
        yield piece


def check(q, status, text):
    want = 0 if q["Method"] == "HEAD" else q["Answer"]
    if status != 200 or len(text) != want or text != bytes(ord("A") + (q["Number"] + i) % 26 for i in range(want)):
        sys.exit(f"{q}: status {status}, {len(text)} bytes of {want}: {text[:80]!r}")


def headers(q):
    return {"Expect": "100-continue"} if q["Expect"] else {}


def ask_http_client():
    c = http.client.HTTPConnection(address)
    for q in plan:
        text = body(q)
        if q["Chunked"]:
            c.request(q["Method"], q["Path"], pieces(text), headers(q), encode_chunked=True)
        else:
            c.request(q["Method"], q["Path"], text or None, headers(q))
        r = c.getresponse()
        check(q, r.status, r.read())


def ask_urllib3():
    import urllib3
    pool = urllib3.PoolManager()
    for q in plan:
        text = body(q)
        r = pool.request(q["Method"], base + q["Path"], body=pieces(text) if q["Chunked"] else text or None,
                         headers=headers(q), retries=False)
        check(q, r.status, r.data)


def ask_requests():
    import requests
    s = requests.Session()
    for q in plan:
        text = body(q)
        r = s.request(q["Method"], base + q["Path"], data=pieces(text) if q["Chunked"] else text or None, headers=headers(q))
        check(q, r.status_code, r.content)


def ask_aiohttp():
    import aiohttp

    async def one(s, q):
        text = body(q)
        async with s.request(q["Method"], base + q["Path"], data=pieces_later(text) if q["Chunked"] else text or None,
                             expect100=q["Expect"]) as r:
            check(q, r.status, await r.read())

    async def ask():
        async with aiohttp.ClientSession() as s:
            for at in range(0, len(plan), 4):
                await asyncio.gather(*(one(s, q) for q in plan[at:at + 4]))

    asyncio.run(ask())


{"http.client": ask_http_client, "urllib3": ask_urllib3, "requests": ask_requests, "aiohttp": ask_aiohttp}[library]()
