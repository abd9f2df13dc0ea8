// Bodies of forms with files, and what is compared of bodies that are no text.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FILES = join(dirname(fileURLToPath(import.meta.url)), '..', 'files');
const BOUNDARY = 'compat-boundary-7d1f';
const FILE = /^(\S+) <- (\S+)(?: as (.*))?$/;

/** Turns lines `name=value` and `name <- file` (or `name <- file as other name`) into a multipart body. */
export function multipart(text) {
  const parts = text.split('\n').flatMap((line) => {
    const file = FILE.exec(line);
    if (file) {
      const [, name, path, given = path] = file;
      const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"; filename="${given}"\r\nContent-Type: application/x-unknown\r\n\r\n`;
      return [Buffer.from(head), content(path), Buffer.from('\r\n')];
    }
    const cut = line.indexOf('=');
    return [Buffer.from(`--${BOUNDARY}\r\nContent-Disposition: form-data; name="${line.slice(0, cut)}"\r\n\r\n${line.slice(cut + 1)}\r\n`)];
  });
  return [`multipart/form-data; boundary=${BOUNDARY}`, Buffer.concat([...parts, Buffer.from(`--${BOUNDARY}--\r\n`)])];
}

/** A file of the folder `files`; `1000000.zeros` is made up: so many zero bytes. */
function content(path) {
  const zeros = /^(\d+)\.zeros$/.exec(path);
  return zeros ? Buffer.alloc(Number(zeros[1])) : readFileSync(join(FILES, path));
}

/** A body for comparison: text as it is, other bytes by length and digest, pictures by format and size if asked for. */
export function bodyText(bytes, asPicture = false) {
  if (asPicture) return picture(bytes) ?? `<no picture, ${bytes.length} bytes>`;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return `<${bytes.length} bytes, sha256 ${createHash('sha256').update(bytes).digest('hex')}>`;
  }
}

function picture(bytes) {
  const text = (from, to) => bytes.toString('latin1', from, to);
  if (text(1, 4) === 'PNG') return `<png ${bytes.readUInt32BE(16)}x${bytes.readUInt32BE(20)}>`;
  if (text(0, 3) === 'GIF') return `<gif ${bytes.readUInt16LE(6)}x${bytes.readUInt16LE(8)}>`;
  if (text(0, 2) === 'BM') return `<bmp ${bytes.readInt32LE(18)}x${bytes.readInt32LE(22)}>`;
  if (text(8, 12) === 'WEBP') return `<webp ${bytes.length} bytes>`;
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return null;
  for (let at = 2; at + 9 < bytes.length; at += 2 + bytes.readUInt16BE(at + 2)) {
    if (bytes[at + 1] >= 0xc0 && bytes[at + 1] <= 0xc2) return `<jpeg ${bytes.readUInt16BE(at + 7)}x${bytes.readUInt16BE(at + 5)}>`;
  }
  return null;
}
