// The ws package through postern: echoes of text, bytes and sizes that need every length form, then a clean close.
//   node ws_client.cjs URL TOKEN
const assert = require('node:assert/strict');
const WebSocket = require('ws');

const [url, token] = process.argv.slice(2);
const messages = ['hello', Buffer.from([0, 1, 2, 255]), 'x'.repeat(126), 'y'.repeat(70000), Buffer.alloc(1 << 20, 7)];

const socket = new WebSocket(url, { headers: { Authorization: `Bearer ${token}` } });
let received = 0;
socket.on('open', () => messages.forEach((message) => socket.send(message)));
socket.on('message', (data, binary) => {
  const sent = messages[received++];
  assert.equal(binary, Buffer.isBuffer(sent));
  assert.equal(Buffer.compare(data, Buffer.from(sent)), 0);
  if (received === messages.length) socket.close(1000, 'done');
});
socket.on('close', (code) => {
  assert.equal(received, messages.length);
  assert.equal(code, 1000);
  console.log('ok');
});
socket.on('unexpected-response', (_request, response) => {
  console.log(`refused ${response.statusCode}`);
  process.exit(0);
});
socket.on('error', (error) => { console.error(error); process.exit(1); });
