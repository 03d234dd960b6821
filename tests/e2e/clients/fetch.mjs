// Node's own fetch (undici): GETs, bodies both ways, streams and refusals. Exits non-zero at the first surprise.
//   node fetch.mjs URL TOKEN
import assert from 'node:assert/strict';

const [url, token] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${token}` };

assert.equal((await fetch(`${url}/read`)).status, 401);
assert.equal((await fetch(`${url}/write`, { headers })).status, 403);

for (let i = 0; i < 100; ++i) {
  const reply = await fetch(`${url}/read/${i}`, { headers });
  assert.equal(reply.status, 200);
  assert.equal(await reply.text(), 'GET 0');
}

const replies = await Promise.all([...Array(50).keys()].map((i) =>
  fetch(`${url}/read/${i}`, { method: 'POST', headers, body: 'x'.repeat(i * 1000) })));
for (const [i, reply] of replies.entries()) assert.equal(await reply.text(), `POST ${i * 1000}`);

async function* pieces() {
  for (let i = 0; i < 100; ++i) yield new TextEncoder().encode('y'.repeat(1000));
}
const streamed = await fetch(`${url}/read`, { method: 'PUT', headers, body: pieces(), duplex: 'half' });
assert.equal(await streamed.text(), 'PUT 100000');

assert.equal((await fetch(`${url}/read`, { method: 'HEAD', headers })).status, 200);
console.log('ok');
