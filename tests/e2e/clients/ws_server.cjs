// An echo server for ws_client.cjs, over TLS with the files of a certificate and its key. Prints its port, and for each connection the subject that it was told.
const { WebSocketServer } = require('ws');

const [certificate, key] = process.argv.slice(2).map((file) => require('node:fs').readFileSync(file));
const web = certificate ? require('node:https').createServer({ cert: certificate, key }) : require('node:http').createServer();
const server = new WebSocketServer({ server: web });
web.listen(0, '127.0.0.1', () => console.log(web.address().port));
server.on('connection', (socket, request) => {
  console.log(JSON.stringify({ subject: request.headers['x-subject-name'], authorization: request.headers.authorization }));
  socket.on('message', (data, binary) => socket.send(data, { binary }));
});
