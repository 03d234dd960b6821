// An echo server for ws_client.cjs. Prints its port, and for each connection the subject that it was told.
const { WebSocketServer } = require('ws');

const server = new WebSocketServer({ host: '127.0.0.1', port: 0 }, () => console.log(server.address().port));
server.on('connection', (socket, request) => {
  console.log(JSON.stringify({ subject: request.headers['x-subject-name'], authorization: request.headers.authorization }));
  socket.on('message', (data, binary) => socket.send(data, { binary }));
});
