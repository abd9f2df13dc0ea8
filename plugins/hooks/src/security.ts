/** `$security` over `hangar:crypto`. */
import { utf8Encode } from "../../../sdk-js/polyfills/encoding";
import { notAvailable } from "./errors";
import { digest, guard, jwt, random } from "./host";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

function hash(algorithm: string) {
  return (text: string): string => guard(digest.hash, algorithm, utf8Encode(String(text)));
}
function hmac(algorithm: string) {
  return (text: string, secret: string): string => guard(digest.hmac, algorithm, utf8Encode(String(secret)), utf8Encode(String(text)));
}
function randomText(length: number, alphabet = ALPHABET): string {
  return guard(random.text, Math.max(0, Math.trunc(Number(length) || 0)), alphabet);
}

export const security = {
  md5: hash("md5"),
  sha256: hash("sha256"),
  sha512: hash("sha512"),
  hs256: hmac("sha256"),
  hs512: hmac("sha512"),
  equal: (a: string, b: string): boolean => guard(digest.equal, String(a), String(b)),
  randomString: (length: number) => randomText(length),
  pseudorandomString: (length: number) => randomText(length),
  randomStringWithAlphabet: (length: number, alphabet: string) => randomText(length, alphabet),
  pseudorandomStringWithAlphabet: (length: number, alphabet: string) => randomText(length, alphabet),
  randomStringByRegex: () => notAvailable("$security.randomStringByRegex()"),
  parseUnverifiedJWT: (token: string): Record<string, unknown> => JSON.parse(guard(jwt.unverified, String(token))),
  parseJWT: (token: string, secret: string): Record<string, unknown> => JSON.parse(guard(jwt.verify, String(token), String(secret))),
  /** `seconds` until it expires. */
  createJWT(claims: Record<string, unknown>, secret: string, seconds: number): string {
    const exp = Math.floor(Date.now() / 1000) + Math.trunc(Number(seconds) || 0);
    return guard(jwt.sign, JSON.stringify({ exp, ...claims }), String(secret));
  },
  encrypt: () => notAvailable("$security.encrypt()"),
  decrypt: () => notAvailable("$security.decrypt()"),
};
