// An HTTP service of Node's own modules.
'use strict';
const http = require('http');
const [address, downstream] = process.argv.slice(2);
const [host, port] = address.split(':');

function call(path, to) {
  http.get(`http://${downstream}${path}`, (from) => {
    to.writeHead(from.statusCode);
    from.pipe(to);
  }).on('error', (problem) => {
    to.writeHead(502);
    to.end(String(problem));
  });
}

http.createServer((request, response) => {
  const [, first, ...rest] = request.url.split('/');
  const answer = (status, body) => { response.writeHead(status); response.end(body); };
  switch (first) {
    case 'ok': answer(200, 'ok\n'); break;
    case 'headers': answer(200, JSON.stringify(request.headers)); break;
    case 'slow': setTimeout(() => answer(200, 'slept\n'), Number(rest[0])); break;
    case 'status': answer(Number(rest[0])); break;
    case 'call': call('/' + rest.join('/'), response); break;
    case 'later': setTimeout(() => call('/' + rest.join('/'), response), 10); break;
    default: answer(404);
  }
}).listen(Number(port), host);
