import assert from 'node:assert/strict';
import { connect } from 'node:net';
import test from 'node:test';
import { decodeHeader, mailAnswer, readMail, startMailServer } from './mail.mjs';

const RAW = [
  'From: =?utf-8?q?Gr=C3=B6=C3=9Fe?= <a@example.com>', 'To: b@example.com', 'Subject: =?utf-8?b?w7xi?=', ' =?utf-8?q?er?=',
  'Content-Type: multipart/mixed;', '\tboundary="outer"', '', '--outer', 'Content-Type: multipart/alternative; boundary=inner', '',
  '--inner', 'Content-Type: text/plain; charset=UTF-8', 'Content-Transfer-Encoding: quoted-printable', '', 'code 1234=', '56 =C3=A9',
  '--inner', 'Content-Type: text/html', 'Content-Transfer-Encoding: base64', '', Buffer.from('<body>\n  <p>é</p></body>').toString('base64'),
  '--inner--', '', '--outer--',
].join('\r\n');

test('mails are read whatever their encoding', () => {
  assert.equal(decodeHeader('=?utf-8?q?a_b?= c'), 'a b c');
  const mail = readMail({ from: 'a@example.com', to: ['b@example.com'] }, RAW);
  assert.equal(mail.from, 'Größe <a@example.com>');
  assert.equal(mail.subject, 'über');
  assert.equal(mail.text, 'code 123456 é');
  assert.equal(mail.html, '<body>\n  <p>é</p></body>');
  assert.deepEqual(mail.structure, ['text/plain', 'text/html']);
});

test('a mail is taken once', async () => {
  const server = await startMailServer();
  const socket = connect(server.port, '127.0.0.1');
  socket.write(`EHLO x\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n${RAW}\r\n.\r\nQUIT\r\n`);
  const { text, found } = await mailAnswer(server, 'b@example.com');
  assert.equal(found.code, '123456');
  assert.equal(JSON.parse(text).text, 'code <code of 6 digits> é');
  assert.equal(JSON.parse(text).html, '<p>é</p>');
  assert.equal((await mailAnswer(server, '*')).text, '[]');
  socket.destroy();
  await server.stop();
});
