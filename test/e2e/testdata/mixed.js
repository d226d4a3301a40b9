// Asks the mixed questions by fetch (undici) or by http, and checks every answer.
const fs = require('fs');
const http = require('http');

const [library, address, file] = process.argv.slice(2);
const plan = JSON.parse(fs.readFileSync(file));
const letters = (first, q, n) => Buffer.from(Array.from({ length: n }, (_, i) => first.charCodeAt(0) + (q.Number + i) % 26));

function* pieces(text) {
  for (let at = 0; at < text.length; at += 3000) yield text.subarray(at, at + 3000);
}

function check(q, status, text) {
  const want = letters('A', q, q.Method === 'HEAD' ? 0 : q.Answer);
  if (status !== 200 || !text.equals(want)) {
    console.error(q, 'status', status, text.length, 'bytes of', want.length, text.toString().slice(0, 80));
    process.exit(1);
  }
}

async function byFetch(q) {
  const options = { method: q.Method };
  if (q.Body) {
    const text = letters('a', q, q.Body);
    options.body = q.Chunked ? ReadableStream.from(pieces(text)) : text;
    options.duplex = 'half';
  }
  const r = await fetch('http://' + address + q.Path, options);
  check(q, r.status, Buffer.from(await r.arrayBuffer()));
}

const agent = new http.Agent({ keepAlive: true });

function byHttp(q) {
  const [host, port] = address.split(':');
  const text = letters('a', q, q.Body);
  const headers = q.Expect ? { Expect: '100-continue' } : {};
  if (q.Body && !q.Chunked) headers['Content-Length'] = text.length;
  return new Promise((resolve, reject) => {
    const r = http.request({ host, port, path: q.Path, method: q.Method, headers, agent }, (answer) => {
      const parts = [];
      answer.on('data', (p) => parts.push(p));
      answer.on('end', () => { check(q, answer.statusCode, Buffer.concat(parts)); resolve(); });
      answer.on('error', reject);
    });
    r.on('error', reject);
    const send = () => {
      if (q.Body) for (const piece of pieces(text)) r.write(piece);
      r.end();
    };
    if (q.Expect) { r.on('continue', send); r.flushHeaders(); } else send();
  });
}

(async () => {
  const ask = library === 'fetch' ? byFetch : byHttp;
  for (let at = 0; at < plan.length; at += 4) await Promise.all(plan.slice(at, at + 4).map(ask));
  agent.destroy();
})().catch((e) => { console.error(e); process.exit(1); });
