/** Says which PocketBase is filled: some field types came later. */
export function speakTo(version) {
  fresh.geoPoint = !/^0\.2[3-6]\./.test(version ?? '');
}
const fresh = { geoPoint: true };

/** Calls a server's API to fill it; fails loudly, since everything later builds on it. */
export async function call(base, method, path, body, token) {
  const form = body instanceof FormData;
  const answer = await fetch(base + path, {
    method,
    headers: { ...(token ? { authorization: token } : {}), ...(form || !body ? {} : { 'content-type': 'application/json' }) },
    body: form ? body : body && JSON.stringify(body, (key, value) => (key === 'type' && value === 'geoPoint' && !fresh.geoPoint ? 'json' : value)),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`seed: ${method} ${path} answered ${answer.status} ${text}`);
  return text ? JSON.parse(text) : null;
}
