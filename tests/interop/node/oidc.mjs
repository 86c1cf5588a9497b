// Starts oidc-provider on loopback as a company's sign-in service would run it, with its own development pages for login and consent.
//
// Two ports: the service itself, and a control port for the tests, so that nothing of ours shows on the service. One JSON line on stdout
// tells both. SIGTERM, or the end of stdin (the test run died), stops it; with --state it remembers everything for the next start.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { announce, fetchHere, listen } from './hosting.mjs';

// The library chats on stdout, where the announcement must be the only line.
console.info = console.error;
const { default: Provider, errors } = await import('oidc-provider');

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    mount: { type: 'string', default: '' },              // "/tenant1": an issuer with a path
    ttl: { type: 'string', default: '3600' },            // seconds an access token lives
    resource: { type: 'string', multiple: true, default: [] },
    opaque: { type: 'boolean', default: false },         // access tokens that only introspection explains
    strict: { type: 'boolean', default: false },         // exact redirect addresses and resources, the resource repeated at every token request
    'always-refresh': { type: 'boolean', default: false }, // a refresh token without offline_access, as many services do
    'no-registration': { type: 'boolean', default: false },
    documents: { type: 'boolean', default: false },      // client ID metadata documents, whose hosts are all on this machine
    client: { type: 'string', multiple: true, default: [] }, // a pre-registered client: its metadata as JSON
    'dpop-nonces': { type: 'boolean', default: false },  // every DPoP proof has to bear a nonce
    'slow-token': { type: 'string', default: '0' },      // milliseconds before a token request is looked at
    state: { type: 'string' },
  },
});

const RESOURCE_SCOPES = 'notes:read notes:write';
const state = loadState();

function loadState() {
  if (options.state && existsSync(options.state)) {
    return JSON.parse(readFileSync(options.state, 'utf8'));
  }
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return {
    records: {},
    cookieKey: randomBytes(32).toString('hex'),
    signingKey: { ...privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig', kid: 'interop' },
    resources: options.resource,
    issued: [],
    counts: { registrations: 0, codes: 0, refreshes: 0, refused: [], revocations: 0, ended_grants: 0 },
  };
}

// The library's own memory store cannot be written out, and a restart that forgets every client tests something else.
class Store {
  constructor(model) { this.model = model; }
  key(id) { return `${this.model}:${id}`; }
  async upsert(id, payload) { state.records[this.key(id)] = payload; }
  async find(id) { return state.records[this.key(id)]; }
  async findBy(property, value) {
    return this.own().map(([, payload]) => payload).find((payload) => payload[property] === value);
  }
  async findByUid(uid) { return this.findBy('uid', uid); }
  async findByUserCode(userCode) { return this.findBy('userCode', userCode); }
  async consume(id) { state.records[this.key(id)].consumed = Math.floor(Date.now() / 1000); }
  async destroy(id) { delete state.records[this.key(id)]; }
  async revokeByGrantId(grantId) {
    this.own().filter(([, payload]) => payload.grantId === grantId).forEach(([key]) => delete state.records[key]);
  }
  own() { return Object.entries(state.records).filter(([key]) => key.startsWith(`${this.model}:`)); }
}

function findResource(indicator) {
  const isSame = (known) => known === indicator || (!options.strict && known === indicator.replace(/\/$/, ''));
  const known = state.resources.find(isSame);
  if (!known) throw new errors.InvalidTarget();
  return known;
}

function configuration() {
  return {
    adapter: Store,
    jwks: { keys: [state.signingKey] },
    cookies: { keys: [state.cookieKey] },
    clients: preRegistered(),
    scopes: ['openid', 'offline_access', 'email'],
    claims: { openid: ['sub'], email: ['email'] },
    findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub, email: `${sub}@example.com` }) }),
    pkce: { required: () => true },
    ...(options.documents && { fetch: fetchHere }),
    ttl: { AccessToken: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? Number(options.ttl) },
    // Without it the policy stays the library's own: offline_access, which it drops silently unless prompt=consent.
    ...(options['always-refresh'] && {
      issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
      expiresWithSession: async () => false,
    }),
    features: {
      devInteractions: { enabled: true },
      deviceFlow: { enabled: true },
      clientCredentials: { enabled: true },
      revocation: { enabled: true },
      introspection: { enabled: true, allowedPolicy: (_ctx, client) => client.clientAuthMethod !== 'none' },
      registration: { enabled: !options['no-registration'] },
      dPoP: { enabled: true, ...(options['dpop-nonces'] && { nonceSecret: randomBytes(32), requireNonce: () => true }) },
      ...(options.documents && { clientIdMetadataDocument: { ack: 'draft-02', enabled: true } }),
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => !options.strict,
        getResourceServerInfo: (_ctx, indicator) => ({
          scope: RESOURCE_SCOPES,
          audience: findResource(indicator),
          accessTokenTTL: Number(options.ttl),
          accessTokenFormat: options.opaque ? 'opaque' : 'jwt',
          ...(!options.opaque && { jwt: { sign: { alg: 'RS256' } } }),
        }),
      },
    },
  };
}

function preRegistered() {
  const gate = {
    client_id: 'gate', client_secret: process.env.INTEROP_GATE_SECRET, redirect_uris: [], response_types: [], grant_types: [],
  };
  return [...(gate.client_secret ? [gate] : []), ...options.client.map((client) => JSON.parse(client))];
}

function count(provider) {
  const { counts } = state;
  provider.on('registration_create.success', () => { counts.registrations += 1; });
  provider.on('grant.success', (ctx) => { counts[ctx.oidc.params.grant_type === 'refresh_token' ? 'refreshes' : 'codes'] += 1; });
  provider.on('grant.error', (ctx, error) => {
    counts.refused.push(`${ctx.oidc?.params?.grant_type ?? ctx.oidc?.body?.grant_type} ${error.error}`);
  });
  provider.on('grant.revoked', () => { counts.ended_grants += 1; });
  provider.on('access_token.issued', (token) => { state.issued.push(token.jti); });
  provider.on('client_credentials.issued', (token) => { state.issued.push(token.jti); });
  provider.on('server_error', (_ctx, error) => { console.error(error); });
}

// RFC 8414 puts the well-known part before the issuer's path; the library only appends it, and calls the rest its host's job.
function locate(url) {
  const inserted = /^(\/\.well-known\/(?:oauth-authorization-server|openid-configuration))(\/.*)$/.exec(url);
  if (options.mount && inserted && inserted[2] === options.mount) {
    return { originalUrl: options.mount + inserted[1], url: inserted[1] };
  }
  if (!url.startsWith(`${options.mount}/`)) return undefined;
  return { originalUrl: url, url: url.slice(options.mount.length) };
}

function serve(handler) {
  return async (request, response) => {
    const place = locate(request.url);
    if (!place) return response.writeHead(404).end();
    Object.assign(request, place);
    const path = place.url.split('?')[0];
    if (path === '/token') await sleep(Number(options['slow-token']));
    if (path === '/token/revocation') response.on('finish', () => { if (response.statusCode === 200) state.counts.revocations += 1; });
    return handler(request, response);
  };
}

const CONTROLS = {
  'GET /control/counts': () => state.counts,
  'POST /control/resources': ({ resource }) => { state.resources.push(resource); },
  // The tests never wait for a clock. Opaque tokens end here; a signed one ends where its resource server is told its id.
  'POST /control/expire': () => {
    Object.keys(state.records).filter((key) => key.startsWith('AccessToken:')).forEach((key) => delete state.records[key]);
    return { jti: state.issued };
  },
  // What an administrator's "remove this app" does: no request of the client's own comes before it.
  'POST /control/end-grants': () => {
    Object.keys(state.records).filter((key) => /^(Grant|RefreshToken|AccessToken):/.test(key)).forEach((key) => delete state.records[key]);
  },
  // What a service does that lost its database, or cleans up clients nobody used.
  'POST /control/forget-clients': () => {
    Object.keys(state.records).filter((key) => key.startsWith('Client:')).forEach((key) => delete state.records[key]);
  },
};

// The issuer is part of the configuration and holds the port, so the port comes first.
let handler = (_request, response) => response.writeHead(503).end();
const service = createServer((request, response) => handler(request, response));
const origin = await listen(service, Number(options.port));
const issuer = origin + options.mount;
const provider = new Provider(issuer, configuration());
if (options.strict) {
  provider.Client.prototype.redirectUriAllowed = function isExactly(uri) { return this.redirectUris.includes(uri); };
}
count(provider);
handler = serve(provider.callback());

await announce({ issuer, port: Number(new URL(origin).port) }, CONTROLS, () => {
  if (options.state) writeFileSync(options.state, JSON.stringify(state), { mode: 0o600 });
});
