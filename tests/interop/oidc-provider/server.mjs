// An OIDC issuer of somebody else's making, over HTTPS: node server.mjs ADDRESS PORT CERTIFICATE KEY, where port 0 takes a free one.
// Its keys are new with every start. Jobs get tokens by client_credentials, for the audience that they name as a resource.
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import Provider from 'oidc-provider';

const [address, port, certificate, key] = process.argv.slice(2);

// Resources are URIs. The audience that binds a token to an entry is none, and is named by one: urn:audience:<audience>.
const named = 'urn:audience:';

const job = (alg) => ({
  client_id: `job-${alg.toLowerCase()}`,
  client_secret: 'of-a-test',
  grant_types: ['client_credentials'],
  response_types: [],
  redirect_uris: [],
  id_token_signed_response_alg: alg,
});

// Through PEM: a collection of garbage while what generateKeyPairSync gave is exported waits for itself, in Node of today.
const jwk = (type, options) => {
  const encodings = {
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  };
  const { privateKey } = generateKeyPairSync(type, { ...options, ...encodings });
  return { ...createPrivateKey(privateKey).export({ format: 'jwk' }), use: 'sig' };
};

const configuration = {
  clients: [job('RS256'), job('ES256')],
  jwks: {
    keys: [jwk('rsa', { modulusLength: 2048 }), jwk('ec', { namedCurve: 'P-256' })],
  },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_, resource, client) => ({
        audience: resource.startsWith(named) ? resource.slice(named.length) : resource,
        scope: '',
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: client.idTokenSignedResponseAlg } },
      }),
    },
  },
  formats: {
    customizers: {
      // The library's own is at+jwt.
      jwt: (_, __, parts) => {
        parts.header = { typ: 'JWT' };
      },
    },
  },
  ttl: { ClientCredentials: 300 },
};

const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) });
server.listen(Number(port), address, () => {
  const issuer = `https://${address}:${server.address().port}`;
  server.on('request', new Provider(issuer, configuration).callback());
  console.log(`listening on ${issuer}`);
});
