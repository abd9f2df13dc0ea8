// One HTTP exchange, sent exactly as written. `fetch` is not used because it
// rewrites paths, refuses some methods and hides some headers.
import { request } from 'node:http';

const TIMEOUT_MS = 60_000;

/** Percent-encodes only what may not stand in a request line; the rest is sent as written. */
export function requestTarget(path) {
  return path.replace(/[^\x21-\x7e]|["<>\\^`{|}]/gu, (char) => encodeURIComponent(char));
}

/** Returns {status, headers, bytes}, or {failure} if no answer came. `from` is the address to send from. */
export function exchange(base, { method, path: target, headers, body, from }) {
  // A whole address leads elsewhere: to the test's OAuth2 provider.
  const [, origin = base, path] = /^(http:\/\/[^/]+)?(.*)$/s.exec(target);
  const { hostname, port } = new URL(origin);
  return new Promise((resolve) => {
    const fail = (error) => resolve({ failure: error.code ?? error.message });
    let sent;
    try {
      sent = request({ hostname, port, method, path: requestTarget(path), headers, localAddress: from, timeout: TIMEOUT_MS });
    } catch (error) {
      fail(error);
      return;
    }
    sent.on('error', fail);
    sent.on('timeout', () => sent.destroy(new Error('no answer in time')));
    sent.on('response', (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('error', fail);
      answer.on('end', () => resolve({
        status: answer.statusCode,
        headers: answer.headers,
        bytes: Buffer.concat(parts),
      }));
    });
    sent.end(body);
  });
}
