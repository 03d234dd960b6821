// The other half of differential.py: the same inputs through Node's HTTP parser (llhttp), told in the same lines.
// The first line is the list of methods that Node knows; a message's own method is not told.

'use strict';

const fs = require('fs');
const { HTTPParser, methods } = require('_http_common');

const heads_max = 1 << 24; // Bounds are tested elsewhere; here only the grammar counts.

function tell(bytes) {
  const messages = [];
  let target = '';
  let body = [];
  let upgrade = false;

  const parser = new HTTPParser();
  parser.initialize(HTTPParser.REQUEST, {}, heads_max, HTTPParser.kLenientNone);
  parser[HTTPParser.kOnMessageBegin] = () => { target = ''; };
  // Many fields come in several calls, the target with the first of them; trailers come here too.
  parser[HTTPParser.kOnHeaders] = (fields, url) => { target += url; };
  parser[HTTPParser.kOnHeadersComplete] =
    (major, minor, fields, method, url, status, reason, upgraded) => {
      target += url || '';
      upgrade = upgraded;
      body = [];
      messages.push([null, Buffer.from(target, 'latin1').toString('hex'), '', false]);
      return 0;
    };
  // Node 18 gives a buffer and a range, later ones the piece itself.
  parser[HTTPParser.kOnBody] = (piece, begin, size) => {
    body.push(size === undefined ? piece : piece.subarray(begin, begin + size));
    messages[messages.length - 1][2] = Buffer.concat(body).toString('hex');
  };
  parser[HTTPParser.kOnMessageComplete] = () => { messages[messages.length - 1][3] = true; };

  const result = parser.execute(bytes);
  parser.close();
  if (result instanceof Error) return { messages, end: 'refused: ' + result.code };
  return { messages, end: upgrade && result < bytes.length ? 'closed' : 'incomplete' };
}

const input = fs.readFileSync(0);
const lines = [JSON.stringify(methods)];
for (let at = 0; at < input.length;) {
  const size = input.readUInt32LE(at);
  lines.push(JSON.stringify(tell(input.subarray(at + 4, at + 4 + size))));
  at += 4 + size;
}
process.stdout.write(lines.join('\n') + '\n');
