// A proxy of Node's own modules that keeps its connections.
'use strict';
const http = require('http');
const [address, downstream] = process.argv.slice(2);
const [host, port] = address.split(':');
const [toHost, toPort] = downstream.split(':');
const agent = new http.Agent({ keepAlive: true });

http.createServer((request, response) => {
  const { method, url: path, headers } = request;
  const onward = http.request({ host: toHost, port: Number(toPort), method, path, headers, agent }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  onward.on('error', (problem) => console.error(problem));
  request.pipe(onward);
}).listen(Number(port), host);
