// Starts Better Auth's OAuth provider on loopback: clients come by their ID metadata document, and in no other way.
//
// The library ships no pages. The two below are this file's; they hand the library's signed query back to it.

import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

import { announce, fetchHere, listen, read } from './hosting.mjs';

// The library chats on stdout, where the announcement must be the only line.
console.info = console.error;
console.log = console.error;
const { betterAuth } = await import('better-auth');
const { memoryAdapter } = await import('better-auth/adapters/memory');
const { jwt } = await import('better-auth/plugins');
const { oauthProvider } = await import('@better-auth/oauth-provider');
const { cimd } = await import('@better-auth/cimd');

const { values: options } = parseArgs({ options: { port: { type: 'string', default: '0' } } });

const BASE = '/api/auth';
const PASSWORD = 'a-password-of-alice';
const SCOPES = ['openid', 'offline_access', 'notes:read', 'notes:write'];
const TABLES = [
  'user', 'session', 'account', 'verification', 'jwks', 'oauthClient', 'oauthResource', 'oauthClientResource', 'oauthRefreshToken',
  'oauthAccessToken', 'oauthConsent', 'oauthClientAssertion',
];
const database = Object.fromEntries(TABLES.map((name) => [name, []]));
const counts = { registrations: 0, codes: 0, refreshes: 0, refused: [], revocations: 0, ended_grants: 0 };

function build(resources) {
  return betterAuth({
    baseURL: issuer,
    secret: 'for the cookies of one test run, and long enough',
    database: memoryAdapter(database),
    emailAndPassword: { enabled: true },
    telemetry: { enabled: false },
    rateLimit: { enabled: false },
    trustedOrigins: [origin],
    plugins: [
      jwt({ jwt: { issuer } }),
      oauthProvider({
        loginPage: '/login',
        consentPage: '/consent',
        scopes: SCOPES,
        resources: resources.map((identifier) => ({ identifier, allowedScopes: SCOPES })),
        enforcePerClientResources: false,
      }),
      cimd({ fetchClientMetadataResource: fetchHere, metadataProfile: 'mcp-2026-07-28' }),
    ],
  });
}

const PAGES = {
  '/login': {
    fields: '<input name="login"><button>Sign in</button>',
    press: (form) => ['/sign-in/email', { email: `${form.get('login')}@example.com`, password: PASSWORD }],
  },
  '/consent': {
    fields: '<button name="answer" value="allow">Allow</button><button name="answer" value="deny">Deny</button>',
    press: (form) => ['/oauth2/consent', { accept: form.get('answer') === 'allow' }],
  },
};

function show({ fields }, query) {
  const value = query.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
  const text = `<!doctype html><form method="post"><input type="hidden" name="oauth_query" value="${value}">${fields}</form>`;
  return new Response(text, { headers: { 'content-type': 'text/html' } });
}

async function press(page, form, cookie) {
  const [endpoint, body] = page.press(form);
  const answer = await auth.handler(new Request(issuer + endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin, cookie },
    body: JSON.stringify({ ...body, oauth_query: form.get('oauth_query') }),
  }));
  const said = await answer.json();
  if (!said.url) throw new Error(`${endpoint} answers ${answer.status} ${JSON.stringify(said)}`);
  const headers = new Headers(answer.headers.getSetCookie().map((each) => ['set-cookie', each]));
  headers.set('location', said.url);
  return new Response(null, { status: 302, headers });
}

async function answer(request) {
  const { pathname, search } = new URL(request.url);
  const page = PAGES[pathname];
  if (page && request.method === 'GET') return show(page, search.slice(1));
  if (page) return press(page, new URLSearchParams(await request.text()), request.headers.get('cookie') ?? '');
  // RFC 8414 puts the well-known part before the issuer's path; the library serves it below the path alone.
  const inserted = /^(\/\.well-known\/[a-z-]+)\/api\/auth$/.exec(pathname);
  if (inserted) return auth.handler(new Request(issuer + inserted[1]));
  return pathname === `${BASE}/oauth2/token` ? count(request) : auth.handler(request);
}

async function count(request) {
  const form = new URLSearchParams(await request.clone().text());
  const answered = await auth.handler(request);
  const grantType = form.get('grant_type');
  if (answered.ok) counts[grantType === 'refresh_token' ? 'refreshes' : 'codes'] += 1;
  else counts.refused.push(`${grantType} ${(await answered.clone().json()).error}`);
  return answered;
}

async function serve(incoming, response) {
  const body = await read(incoming);
  const { method, headers, url } = incoming;
  try {
    const answered = await answer(new Request(origin + url, { method, headers, body: body.length ? body : undefined }));
    answered.headers.forEach((value, name) => { if (name !== 'set-cookie') response.setHeader(name, value); });
    response.setHeader('set-cookie', answered.headers.getSetCookie());
    response.writeHead(answered.status).end(Buffer.from(await answered.arrayBuffer()));
  } catch (error) {
    console.error(error);
    response.writeHead(500).end();
  }
}

// The issuer is part of the configuration and holds the port, so the port comes first.
const origin = await listen(createServer(serve), Number(options.port));
const issuer = origin + BASE;
let auth = build([]);
await auth.api.signUpEmail({ body: { email: 'alice@example.com', password: PASSWORD, name: 'Alice' } });
await announce({ issuer, port: Number(new URL(origin).port) }, {
  'GET /control/counts': () => counts,
  'GET /control/clients': () => database.oauthClient.map((client) => client.clientId),
  'POST /control/resources': ({ resource }) => { auth = build([resource]); },
});
