// How our Node test servers run: a loopback port, a second one for the tests' controls, one line that tells both, and an end when asked or
// when the test run dies.

import { createServer } from 'node:http';

export function listen(server, port) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(`http://127.0.0.1:${server.address().port}`));
  });
}

// Two ports, so that nothing of ours shows on the service. `controls` maps "GET /control/…" to what answers it.
export async function announce(facts, controls, beforeTheEnd = () => {}) {
  const controlUrl = await listen(createServer((request, response) => control(controls, request, response)), 0);
  const stop = () => {
    beforeTheEnd();
    process.exit(0);
  };
  process.once('SIGTERM', stop);
  process.stdin.on('end', stop).resume();
  process.stdout.write(`${JSON.stringify({ ...facts, control_url: controlUrl })}\n`);
}

async function control(controls, request, response) {
  const action = controls[`${request.method} ${request.url}`];
  const body = await read(request);
  if (!action) return response.writeHead(404).end();
  const answer = action(body.length ? JSON.parse(body) : {});
  return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer ?? {}));
}

export async function read(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

// Authorization servers ask public addresses alone for a client's document, and for a good reason. The tests' documents are on this machine,
// whatever the host's name; the certificate is looked at all the same (NODE_EXTRA_CA_CERTS).
export function fetchHere(url, { dispatcher, ...init }) {
  const here = new URL(url);
  here.hostname = '127.0.0.1';
  return fetch(here, init);
}
