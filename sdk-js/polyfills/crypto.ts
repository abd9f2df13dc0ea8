/** The part of Web Crypto that needs no keys, over `hangar:crypto`. */
import digest from "hangar:crypto/digest@0.1.0";
import random from "hangar:crypto/random@0.1.0";
import { bytesOf } from "./encoding";

const QUOTA = 65536;
const ALGORITHMS: Record<string, string> = { "SHA-1": "sha1", "SHA-256": "sha256", "SHA-512": "sha512" };

export function hexToBytes(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

export const crypto = {
  getRandomValues<T extends ArrayBufferView>(target: T): T {
    const bytes = bytesOf(target);
    if (bytes.length > QUOTA) throw new RangeError(`getRandomValues fills at most ${QUOTA} bytes at a time`);
    bytes.set(random.bytes(bytes.length));
    return target;
  },

  randomUUID(): string {
    const bytes = Uint8Array.from(random.bytes(16));
    bytes[6] = (bytes[6]! & 0x0f) | 0x40;
    bytes[8] = (bytes[8]! & 0x3f) | 0x80;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  },

  subtle: {
    async digest(algorithm: string | { name: string }, data: ArrayBuffer | ArrayBufferView): Promise<ArrayBuffer> {
      const name = typeof algorithm === "string" ? algorithm : algorithm.name;
      const known = ALGORITHMS[name.toUpperCase()];
      if (!known) throw new TypeError(`crypto.subtle.digest knows ${Object.keys(ALGORITHMS).join(", ")}, not ${name}`);
      return hexToBytes(digest.hash(known, bytesOf(data))).buffer as ArrayBuffer;
    },
  },
};
