// The last of the demo's services: knows what there is.
const http = require("node:http");

const stock = { coffee: 12, tea: 3 };

const server = http.createServer((request, response) => {
  const item = request.url.split("/").pop();
  setTimeout(() => {
    if (item in stock) response.end(`${stock[item]} of ${item} left\n`);
    else response.writeHead(404).end(`no ${item} in stock\n`);
  }, 20); // looks into the store room
});

const [host, port] = process.env.LISTEN.split(":");
server.listen(Number(port), host);
