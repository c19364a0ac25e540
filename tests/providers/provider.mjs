// npm's oidc-provider over TLS on loopback, for the agent's conformance tests: `node provider.mjs CONFIG.json`.
// CONFIG.json: {modules, certificate, key, issuer, resource, scope, redirect, registered: {lifetimeS, intervalS}, clients:
// [{id, secret, scope, lifetimeS, intervalS, codeLifeS, forgesIdTokens}]}; `issuer` only where that is not its own
// address, `registered` are the habits of clients that come by themselves. Prints {"port": N} when it listens. A number
// on a line of its stdin is by how many seconds its clock is to be wrong from now on. Ends when stdin does.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

console.info = console.warn; // its notices; stdout says one thing only

const rightClock = Date.now.bind(Date);
createInterface({ input: process.stdin })
  .on('line', (line) => {
    Date.now = () => rightClock() + Number(line) * 1000; // what the provider dates all its tokens by
    process.stdout.write(`${JSON.stringify({ clockShiftS: Number(line) })}\n`);
  })
  .on('close', () => process.exit(0));

const config = JSON.parse(readFileSync(process.argv[2], 'utf8'));
// ES modules know no search path, and the package is not installed beside this file.
const entry = createRequire(`${config.modules}/`).resolve('oidc-provider');
const { default: Provider } = await import(pathToFileURL(entry));
const habits = new Map(config.clients.map((client) => [client.id, client]));
const habitsOf = (id) => habits.get(id) ?? config.registered;

const server = createServer({ cert: readFileSync(config.certificate), key: readFileSync(config.key) });
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address(); // part of the issuer's name, so known before the provider is made
  server.on('request', makeProvider(config.issuer ?? `https://localhost:${port}`).callback());
  process.stdout.write(`${JSON.stringify({ port })}\n`);
});

function makeProvider(issuer) {
  const provider = new Provider(issuer, {
    clients: config.clients.map(describeClient),
    clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post'],
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    expiresWithSession: () => false,
    features: {
      deviceFlow: { enabled: true },
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => config.resource,
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, _resource, client) => ({
          scope: config.scope,
          audience: config.resource,
          accessTokenFormat: 'jwt',
          accessTokenTTL: habitsOf(client.clientId).lifetimeS,
        }),
      },
      registration: { enabled: true },
      registrationManagement: { enabled: true },
      revocation: { enabled: true },
    },
    findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    jwks: { keys: [makeSigningKey()] },
    pkce: { required: () => false },
    rotateRefreshToken: true,
    ttl: {
      DeviceCode: (_ctx, _token, client) => habitsOf(client.clientId).codeLifeS ?? 600,
      Interaction: 86400, // its cookie must still be good for a browser whose clock is an hour ahead
    },
    scopes: ['openid', 'offline_access', 'email'],
  });
  provider.use(changeAnswers);
  return provider;
}

function describeClient({ id, secret, scope }) {
  return {
    client_id: id,
    ...(secret && { client_secret: secret }),
    token_endpoint_auth_method: secret ? 'client_secret_basic' : 'none',
    application_type: 'native',
    grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token', 'authorization_code'],
    redirect_uris: [config.redirect],
    response_types: ['code'],
    scope,
  };
}

function makeSigningKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig', kid: 'one' };
}

// What a client's habits change in what the provider says: nothing for one without.
async function changeAnswers(ctx, next) {
  await next();
  const { intervalS, forgesIdTokens } = ctx.oidc?.client ? habitsOf(ctx.oidc.client.clientId) : {};
  if (intervalS && ctx.body?.device_code) ctx.body.interval = intervalS;
  if (forgesIdTokens && ctx.body?.id_token) {
    const [header, payload] = ctx.body.id_token.split('.');
    ctx.body.id_token = `${header}.${payload}.${randomBytes(256).toString('base64url')}`;
  }
}
