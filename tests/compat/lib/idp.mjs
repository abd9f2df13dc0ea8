// An OAuth2 and OpenID provider for the tests. Each side has one of its own, on loopback; what it answers to a code is
// said beforehand, and what it was asked can be read afterwards, so that requests are compared, too.
//
//   POST /codes         {"name":…,"user":{…},"token":{…},"idToken":{…}, …}: what a code is worth (see `Code`)
//   GET  /requests      the requests since the last time, and forgets them
//   POST /token         the token endpoint; the access token of NAME is `access-NAME`
//   GET  /keys          the JWK set; /keys/none an empty one, /keys/broken no JSON
//   GET  /picture/…     a picture; /picture/STATUS/LENGTH/… with this status and so many zero bytes (`png`: the picture)
//   any  /…             the user of the access token
import { createHash, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { createServer } from 'node:http';

// What is compared; `accept` is not: some clients always send it.
const SHOWN_HEADERS = ['authorization', 'content-type', 'notion-version', 'client-id', 'trakt-api-key', 'trakt-api-version'];
const KINDS = {
  RS256: { make: () => generateKeyPairSync('rsa', { modulusLength: 2048 }), sign: (data, key) => sign('sha256', data, key) },
  ES256: {
    make: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    sign: (data, key) => sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' }),
  },
  EdDSA: { make: () => generateKeyPairSync('ed25519'), sign: (data, key) => sign(null, data, key) },
};
/** The same for all providers of a process, so that their answers are equal. */
const BEGAN = Math.floor(Date.now() / 1000);
/** Made once a process; `stranger` is in no key set. */
const KEYS = new Map();
function key(alg, kid) {
  const name = `${alg} ${kid}`;
  if (!KEYS.has(name)) KEYS.set(name, KINDS[alg].make());
  return KEYS.get(name);
}

const base64 = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** Replaces `<idp>` by the address and `+60` by a time, in seconds, so far from now. */
function resolve(value, base) {
  if (typeof value === 'string') {
    if (/^[+-]\d+$/.test(value)) return BEGAN + Number(value);
    return value.replaceAll('<idp>', base);
  }
  if (Array.isArray(value)) return value.map((item) => resolve(item, base));
  if (value !== null && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, resolve(inner, base)]));
  return value;
}

/** A signed token: `{alg, kid, claims, header, signedWith}`. */
function idToken({ alg = 'RS256', kid = alg, claims = {}, header = {}, signedWith = alg, tamper = false }, base) {
  const head = { alg, kid, typ: 'JWT', ...header };
  const text = `${base64(head)}.${base64(resolve(claims, base))}`;
  const pair = key(alg in KINDS ? alg : 'RS256', signedWith === alg ? alg : signedWith);
  const signature = alg in KINDS ? KINDS[alg].sign(Buffer.from(text), pair.privateKey).toString('base64url') : '';
  return `${text}.${tamper ? 'A'.repeat(signature.length) : signature}`;
}

const keySet = () => ({
  keys: Object.keys(KINDS).map((alg) => ({ ...createPublicKey(key(alg, alg).privateKey).export({ format: 'jwk' }), kid: alg, use: 'sig', alg })),
});

const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
function picture(pathname) {
  const [, , status, length] = pathname.split('/');
  if (!/^\d+$/.test(status)) return [200, PNG, 'image/png'];
  return [Number(status), length === 'png' ? PNG : Buffer.alloc(Number(length)), 'image/png'];
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** What a code is worth; every key is optional. */
const Code = {
  user: {}, // answered to the access token: JSON, or a text as it is
  userStatus: 200,
  pages: {}, // other answers by path
  token: {}, // put into the token answer; null takes a key out. A text is the whole answer
  tokenStatus: 200,
  tokenType: 'application/json',
  idToken: null, // see `idToken`
  challenge: '', // S256 of the code verifier that is wanted
  redirect: '', // the redirect URL that is wanted
  secret: '', // the client secret that is wanted
  delay: 0, // milliseconds before the user is answered
};

class Provider {
  constructor() {
    this.codes = new Map();
    this.requests = [];
  }

  async answer(request, body) {
    const { pathname } = new URL(request.url, 'http://idp');
    const [, place, name] = pathname.split('/');
    if (place === 'codes') {
      const code = JSON.parse(body);
      this.codes.set(code.name, { ...Code, ...code });
      return [200, {}];
    }
    if (place === 'requests') return [200, this.requests.splice(0)];
    this.note(request, body);
    if (place === 'keys') return name === 'broken' ? [200, '<html>'] : [200, name === 'none' ? { keys: [] } : keySet()];
    if (place === 'picture') return picture(pathname);
    if (place === 'token') return this.token(request, body);
    return this.user(request, body, pathname);
  }

  note(request, body) {
    const headers = Object.fromEntries(SHOWN_HEADERS.filter((header) => request.headers[header] !== undefined).map((header) => [header, request.headers[header]]));
    this.requests.push({ method: request.method, url: request.url, headers, body });
  }

  token(request, body) {
    const form = request.headers['content-type']?.includes('json') ? new Map(Object.entries(JSON.parse(body))) : new URLSearchParams(body);
    const code = this.codes.get(form.get('code'));
    const failed = (error) => [400, { error, error_description: `${error}, says the provider` }];
    if (!code) return failed('invalid_grant');
    const verifier = form.get('code_verifier') ?? '';
    if (code.challenge && createHash('sha256').update(verifier).digest('base64url') !== code.challenge) return failed('invalid_grant');
    if (code.redirect && form.get('redirect_uri') !== code.redirect) return failed('invalid_grant');
    const basic = Buffer.from((request.headers.authorization ?? '').replace(/^Basic /, ''), 'base64').toString();
    const secret = form.get('client_secret') ?? decodeURIComponent(basic.split(':')[1] ?? '');
    if (code.secret && secret !== code.secret) return [401, { error: 'invalid_client' }];
    if (code.tokenStatus >= 400 && typeof code.token !== 'string') return [code.tokenStatus, code.token];
    if (typeof code.token === 'string') return [code.tokenStatus, resolve(code.token, this.base), code.tokenType];
    const answer = { access_token: `access-${form.get('code')}`, token_type: 'Bearer', ...resolve(code.token, this.base) };
    if (code.idToken) answer.id_token = typeof code.idToken === 'string' ? code.idToken : idToken(code.idToken, this.base);
    for (const [name, value] of Object.entries(answer)) if (value === null) delete answer[name];
    return [code.tokenStatus, answer, code.tokenType];
  }

  async user(request, body, pathname) {
    const found = /access-([\w-]+)/.exec(`${request.headers.authorization ?? ''} ${request.url} ${body}`);
    const code = this.codes.get(found?.[1]);
    if (!code) return [401, { error: 'no such access token' }];
    await pause(code.delay);
    const page = code.pages[pathname];
    if (page !== undefined) return [200, resolve(page, this.base)];
    return [code.userStatus, resolve(code.user, this.base)];
  }
}

/** Starts a provider; answers {base, stop()}. */
export function startProvider() {
  const provider = new Provider();
  const server = createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    let answer;
    try {
      answer = await provider.answer(request, Buffer.concat(parts).toString());
    } catch (error) {
      answer = [500, { error: error.message }];
    }
    const [status, content, type = 'application/json'] = answer;
    response.writeHead(status, { 'content-type': type });
    response.end(typeof content === 'string' || Buffer.isBuffer(content) ? content : JSON.stringify(content));
  });
  return new Promise((done, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      provider.base = `http://127.0.0.1:${server.address().port}`;
      done({
        base: provider.base,
        stop: () => new Promise((stopped) => {
          server.close(stopped);
          server.closeAllConnections();
        }),
      });
    });
  });
}
