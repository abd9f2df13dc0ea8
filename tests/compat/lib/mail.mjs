// A mail server for the tests: takes every mail, keeps it, and says what is in it.
import { createServer } from 'node:net';

const WAIT_MS = 6000;
/** How long nothing must come before it is said that nothing came. */
const QUIET_MS = 1500;
const MAX_BYTES = 16 * 1024 * 1024;

/** Decodes `=?utf-8?q?…?=` and its base64 kind. */
export function decodeHeader(text) {
  return text.replace(/\?=\s+=\?/g, '?==?').replace(/=\?([\w-]+)\?([bq])\?([^?]*)\?=/gi, (whole, charset, kind, coded) => {
    const bytes = kind.toLowerCase() === 'b' ? Buffer.from(coded, 'base64') : quotedPrintable(coded.replaceAll('_', ' '));
    return bytes.toString('utf8');
  });
}

function quotedPrintable(text) {
  const bytes = [];
  const plain = Buffer.from(text.replace(/=\r?\n/g, ''), 'latin1');
  for (let at = 0; at < plain.length; at += 1) {
    const hex = plain[at] === 0x3d ? plain.toString('latin1', at + 1, at + 3) : '';
    if (/^[0-9a-f]{2}$/i.test(hex)) {
      bytes.push(Number.parseInt(hex, 16));
      at += 2;
    } else bytes.push(plain[at]);
  }
  return Buffer.from(bytes);
}

function decodeBody(text, encoding) {
  if (/base64/i.test(encoding)) return Buffer.from(text, 'base64').toString('utf8');
  if (/quoted-printable/i.test(encoding)) return quotedPrintable(text).toString('utf8');
  return Buffer.from(text, 'latin1').toString('utf8');
}

/** Headers by lower-case name (values decoded), and the rest. */
function split(raw) {
  const cut = raw.indexOf('\r\n\r\n');
  const head = (cut < 0 ? raw : raw.slice(0, cut)).replace(/\r\n[ \t]+/g, ' ');
  const headers = {};
  for (const line of head.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) headers[line.slice(0, colon).toLowerCase()] = decodeHeader(line.slice(colon + 1).trim());
  }
  return { headers, body: cut < 0 ? '' : raw.slice(cut + 4) };
}

/** All leaf parts of a message as [{type, text}], in their order. */
function leaves(raw) {
  const { headers, body } = split(raw);
  const type = headers['content-type'] ?? 'text/plain';
  const boundary = /boundary="?([^";]+)"?/i.exec(type)?.[1];
  if (/^multipart\//i.test(type) && boundary) {
    const parts = `\r\n${body}`.split(`\r\n--${boundary}`).slice(1, -1);
    return parts.flatMap((part) => leaves(part.replace(/^[ \t]*\r\n/, '')));
  }
  return [{ type: type.split(';')[0].trim().toLowerCase(), text: decodeBody(body, headers['content-transfer-encoding'] ?? '').replaceAll('\r\n', '\n') }];
}

/** What matters of a mail. `structure` names the kinds of its parts. */
export function readMail(envelope, raw) {
  const { headers } = split(raw);
  const parts = leaves(raw);
  const text = (type) => parts.find((part) => part.type === type)?.text ?? '';
  return {
    envelope, headers, subject: headers.subject ?? '', from: headers.from ?? '', to: headers.to ?? '', cc: headers.cc ?? '',
    html: text('text/html'), text: text('text/plain'), structure: parts.map((part) => part.type), raw,
  };
}

/**
 * What the mail server of a side has got, ready to be compared: `text`, and `found` to capture from. `to` is an address,
 * or `*` for all mails that no step has asked for.
 */
export async function mailAnswer(server, to) {
  if (to === '*') {
    await new Promise((done) => setTimeout(done, QUIET_MS));
    const left = server.mails.filter((mail) => !mail.taken);
    left.forEach((mail) => (mail.taken = true));
    return { text: JSON.stringify(left.map((mail) => [mail.envelope.to.join(' '), mail.subject]).sort()), found: {} };
  }
  const mail = await server.take(to);
  if (!mail) return { text: JSON.stringify({ mail: 'none came' }), found: {} };
  const code = /(?<![\w-])\d{4,}(?![\w-])/.exec(mail.text)?.[0];
  // What stands around the body, and how it is written for transport, is each server's own.
  const body = /<body[^>]*>([^]*)<\/body>/.exec(mail.html)?.[1] ?? mail.html;
  const shown = {
    envelope: mail.envelope, from: mail.from, to: mail.to, cc: mail.cc, subject: mail.subject,
    html: body.trim().split('\n').map((line) => line.trim()).join('\n'),
    text: mail.text.trim().split('\n').map((line) => line.trim()).join('\n'),
    structure: mail.structure,
  };
  const text = JSON.stringify(shown);
  return {
    text: code ? text.replaceAll(code, `<code of ${code.length} digits>`) : text,
    found: { token: /eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+/.exec(mail.html)?.[0], code, ...shown },
  };
}

/**
 * Starts a server on a free port. `options`: `user` and `pass` (asked for if given), `delay` (milliseconds before each
 * answer to DATA), `refuse` (a reply to MAIL FROM).
 */
export async function startMailServer(options = {}) {
  const mails = [];
  const waiting = [];
  const sockets = new Set();
  const log = [];
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    session(socket, options, log, (mail) => {
      mails.push(mail);
      waiting.splice(0).forEach((wake) => wake());
    });
  });
  await new Promise((ready, failed) => server.once('error', failed).listen(0, '127.0.0.1', ready));
  return {
    port: server.address().port, mails, log, options,
    /** The first mail to `to` that has not been taken yet; undefined if none comes in time. */
    async take(to, wait = WAIT_MS) {
      const limit = Date.now() + wait;
      for (;;) {
        const at = mails.findIndex((mail) => mail.envelope.to.includes(to) && !mail.taken);
        if (at >= 0) {
          mails[at].taken = true;
          return mails[at];
        }
        const left = limit - Date.now();
        if (left <= 0) return undefined;
        await new Promise((wake) => {
          waiting.push(wake);
          setTimeout(wake, left);
        });
      }
    },
    async stop() {
      sockets.forEach((socket) => socket.destroy());
      await new Promise((done) => server.close(done));
    },
  };
}

function session(socket, options, log, keep) {
  let buffer = '';
  let envelope = { from: '', to: [] };
  let state = 'command';
  let login = [];
  const say = (line) => socket.write(`${line}\r\n`);
  const later = (line) => (options.delay ? setTimeout(() => socket.writable && say(line), options.delay) : say(line));
  const authenticated = (user, pass) => say(user === options.user && pass === options.pass ? '235 2.7.0 ok' : '535 5.7.8 authentication failed');
  const command = (line) => {
    log.push(line);
    const [verb, ...rest] = line.split(' ');
    const argument = rest.join(' ');
    switch (verb.toUpperCase()) {
      case 'EHLO':
        say('250-compat greets you');
        if (options.user) say('250-AUTH PLAIN LOGIN');
        say('250-8BITMIME');
        return say('250 SMTPUTF8');
      case 'HELO': return say('250 compat');
      case 'AUTH':
        if (rest[0].toUpperCase() === 'PLAIN') {
          const [, user, pass] = Buffer.from(rest[1] ?? '', 'base64').toString('utf8').split('\0');
          return authenticated(user, pass);
        }
        state = 'login';
        login = rest[1] ? [Buffer.from(rest[1], 'base64').toString('utf8')] : [];
        return say(login.length ? '334 UGFzc3dvcmQ6' : '334 VXNlcm5hbWU6');
      case 'MAIL':
        if (options.refuse) return say(options.refuse);
        envelope = { from: /<([^>]*)>/.exec(argument)?.[1] ?? argument, to: [] };
        return say('250 2.1.0 ok');
      case 'RCPT':
        envelope.to.push(/<([^>]*)>/.exec(argument)?.[1] ?? argument);
        return say('250 2.1.5 ok');
      case 'DATA':
        state = 'data';
        return say('354 go on');
      case 'RSET':
      case 'NOOP': return say('250 2.0.0 ok');
      case 'QUIT':
        say('221 2.0.0 bye');
        return socket.end();
      default: return say('500 5.5.2 unknown command');
    }
  };
  socket.setEncoding('latin1');
  socket.on('data', (chunk) => {
    buffer += chunk;
    if (buffer.length > MAX_BYTES) return socket.destroy();
    for (;;) {
      if (state === 'data') {
        const end = buffer.startsWith('.\r\n') ? 0 : buffer.indexOf('\r\n.\r\n');
        if (end < 0) return undefined;
        const raw = buffer.slice(0, end).replace(/^\.\./gm, '.');
        buffer = buffer.slice(end === 0 ? 3 : end + 5);
        state = 'command';
        keep(readMail(envelope, raw));
        later('250 2.0.0 taken');
        continue;
      }
      const end = buffer.indexOf('\r\n');
      if (end < 0) return undefined;
      const line = buffer.slice(0, end);
      buffer = buffer.slice(end + 2);
      if (state === 'login') {
        login.push(Buffer.from(line, 'base64').toString('utf8'));
        if (login.length < 2) say('334 UGFzc3dvcmQ6');
        else {
          state = 'command';
          authenticated(...login);
        }
      } else command(line);
    }
  });
  say('220 compat ESMTP');
}
