/** Base64 over what the engine has natively (`btoa`, `atob`, `Uint8Array.fromBase64`). */
import { bytesToLatin1, latin1ToBytes } from "./encoding";

export function bytesToBase64(bytes: Uint8Array): string {
  return btoa(bytesToLatin1(bytes));
}

export function base64ToBytes(text: string): Uint8Array {
  return latin1ToBytes(atob(text));
}
