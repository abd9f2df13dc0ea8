// Sends every case to two servers and compares the answers. See README.md.
//
//   node run.mjs [--left pocketbase] [--right hangar] [--only TEXT]... [--list] [--show] [--rows] [--keep]
//                [--seeded-by VERSION]...
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { speakTo } from './import/call.mjs';
import { buildRequest, readCases, valueAt } from './lib/cases.mjs';
import { compareAnswers, readDifferences, staleEntries, unaccepted } from './lib/compare.mjs';
import { EventStream, sortData } from './lib/events.mjs';
import { bodyText } from './lib/forms.mjs';
import { exchange } from './lib/http.mjs';
import { startProvider } from './lib/idp.mjs';
import { mailAnswer, startMailServer } from './lib/mail.mjs';
import { matrix } from './lib/matrix.mjs';
import { Normaliser } from './lib/normalise.mjs';
import { startS3 } from './lib/s3.mjs';
import { KIND_NAMES, SUPERUSER, startServer, stopAll } from './lib/servers.mjs';
import { sdkSteps } from './sdk.mjs';
import { accountSteps } from './sdk-accounts.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const DIFFERENCES = resolve(HERE, '..', '..', 'docs', 'differences.md');
const MAX_SHOWN = 40;
// Steps are apart by more than the resolution of a date, so that a time tells its step.
const STEP_GAP_MS = 3;

const STREAM_STEPS = ['CONNECT', 'EXPECT', 'CLOSE'];

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

function options() {
  const { values } = parseArgs({
    options: {
      left: { type: 'string', default: 'pocketbase' },
      right: { type: 'string', default: 'hangar' },
      only: { type: 'string', multiple: true, default: [] },
      list: { type: 'boolean', default: false },
      show: { type: 'boolean', default: false },
      rows: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      'seeded-by': { type: 'string', multiple: true, default: [] },
      all: { type: 'boolean', default: false },
    },
  });
  for (const side of ['left', 'right']) {
    if (!KIND_NAMES.includes(values[side].split('@')[0])) throw new Error(`--${side} must be one of ${KIND_NAMES.join(', ')}.`);
  }
  return values;
}

/** One server with what its side has learnt: captured values and volatile names. */
class Side {
  constructor(server, provider, fixedText, mail, vars = {}, s3 = null) {
    this.server = server;
    this.mail = mail;
    this.provider = provider;
    this.vars = { ...vars, idp: provider.base, root_email: SUPERUSER.email, root_password: SUPERUSER.password, bad_token: 'not.a.token', NUL: '\\u0000' };
    this.normaliser = new Normaliser(fixedText, { [server.base]: '<base>', [provider.base]: '<idp>', ...(s3 && { [s3.base]: '<s3>' }) });
    this.streams = new Map();
    if (mail) this.vars.mail_port = mail.port;
    if (s3) this.vars.s3 = s3.base;
  }

  /** `CONNECT name`, `EXPECT name 2 messages`, `EXPECT name none`, `EXPECT name closed`, `CLOSE name`. */
  async stream(step, number) {
    const [name, what] = step.path.split(/\s+/);
    if (step.method === 'CONNECT') {
      const stream = new EventStream();
      this.streams.get(name)?.close();
      this.streams.set(name, stream);
      const raw = await stream.open(this.server.base, { ...buildRequest({ ...step, path: '/api/realtime' }, this.vars), from: step.options.from?.[0] });
      this.vars[`${name}_client`] = stream.id;
      const text = (raw.text ?? '').replaceAll(stream.id, `<client ${stream.id.length}>`);
      const extraHeaders = ['x-accel-buffering', 'transfer-encoding', 'content-length'];
      return { answer: this.normaliser.answer(number, { ...raw, text }, { extraHeaders }), request: null };
    }
    const stream = this.streams.get(name);
    if (!stream) throw new Error(`${step.id}: no step has connected ${name}`);
    const plain = (body) => ({ answer: { status: stream.ended ? 'closed' : 'open', headers: {}, body }, request: null });
    if (step.method === 'CLOSE') {
      stream.close();
      return plain('');
    }
    if (what === 'closed') return plain(String(await stream.end()));
    const messages = (await stream.take(what === 'none' ? 0 : Number(what))).map((message) => {
      const text = 'anyorder' in step.options ? sortData(message) : message;
      return this.normaliser.text(number, text.replaceAll(stream.id, '<client>'));
    });
    // PocketBase sends each in a goroutine of its own: their order is not defined.
    return plain(messages.sort().join('\n\n'));
  }

  /** A `MAIL` step: the next mail to an address, or all that nobody has taken. */
  async mailStep(step, number) {
    if (!this.mail) throw new Error(`${step.id}: MAIL needs a file with "@server mail=on".`);
    const { text, found } = await mailAnswer(this.mail, step.path);
    this.#capture(step, found, {});
    return { answer: this.normaliser.answer(number, { status: 0, headers: {}, text }), request: null };
  }

  #capture(step, json, headers) {
    for (const [name, path] of step.captures) {
      const value = path.startsWith('header.') ? headers?.[path.slice(7)] : valueAt(json, path);
      this.vars[name] = value === undefined ? `missing-${name}` : typeof value === 'string' ? value : JSON.stringify(value);
    }
  }

  close() {
    for (const stream of this.streams.values()) stream.close();
  }

  async http(step, number) {
    const request = buildRequest(step, this.vars);
    const raw = await exchange(this.server.base, { ...request, from: step.options.from?.[0] });
    if (raw.bytes) raw.text = bodyText(raw.bytes, 'picture' in step.options);
    let json;
    try {
      json = JSON.parse(raw.text);
    } catch {
      // No JSON; only headers can be captured.
    }
    this.#capture(step, json, raw.headers);
    const answer = this.normaliser.answer(number, raw, {
      masks: step.masks,
      unordered: 'unordered' in step.options,
      // PocketBase itself emits the keys in random order once `fields` is used.
      anyKeyOrder: 'anyorder' in step.options || /[?&]fields=/.test(request.path),
      extraHeaders: step.options.headers ?? [],
    });
    return { answer, request };
  }

  async sdk(step, number) {
    const text = await step.run(this.server.base, this.provider.base, this.mail);
    // Objects have no key order for a program; the HTTP cases compare it.
    return { answer: this.normaliser.answer(number, { status: 0, headers: {}, text }, { anyKeyOrder: true }), request: null };
  }
}

class Run {
  constructor(values) {
    this.values = values;
    this.same = values.left === values.right;
    this.differences = this.same ? [] : readDifferences(DIFFERENCES);
    this.passed = 0;
    this.accepted = 0;
    this.failures = [];
    this.step = 0;
  }

  async compare(step, sides) {
    this.step += 1;
    if (step.method === 'WAIT') {
      await pause(Number(step.path) * 1000);
      return;
    }
    await pause(STEP_GAP_MS);
    for (const side of sides) side.normaliser.begin(this.step);
    const call = step.run ? 'sdk' : STREAM_STEPS.includes(step.method) ? 'stream' : step.method === 'MAIL' ? 'mailStep' : 'http';
    const [left, right] = await Promise.all(sides.map((side) => side[call](step, this.step)));
    const { parts, lines } = compareAnswers(left.answer, right.answer, step.options?.compare);
    const open = unaccepted(this.differences, step.id, parts);
    if (this.values.show) this.print(step, left);
    if (open.size === 0) {
      if (parts.size > 0) this.accepted += 1;
      else this.passed += 1;
      return;
    }
    this.failures.push({ id: step.id, parts: [...open] });
    if (this.failures.length <= MAX_SHOWN || this.values.all) {
      const asked = left.request === null && !step.run ? `  ${step.method} ${step.path}` : left.request ? `  ${left.request.method} ${left.request.path} as ${step.as}${left.request.body ? `  ${String(left.request.body).slice(0, 300)}` : ''}` : '  (SDK)';
      console.log([`✗ ${step.id}`, asked, ...lines].join('\n'));
    }
  }

  print(step, { answer, request }) {
    const asked = request ? `${request.method} ${request.path} as ${step.as}${request.body ? `  ${String(request.body).slice(0, 300)}` : ''}` : step.run ? '(SDK)' : `${step.method} ${step.path}`;
    console.log(`· ${step.id}\n  ${asked}\n  ${answer.status} ${answer.body.slice(0, 1500)}`);
  }

  /**
   * Fills a PocketBase by a module of `import/` and stops it; answers its data directory, the variables of the cases and
   * how to remove it. An older `version` may fill it.
   */
  async seed(name, setup, version) {
    const { fill, meddle } = await import(join(HERE, name));
    speakTo(version);
    const server = await startServer(version ? `pocketbase@${version}` : 'pocketbase');
    try {
      const side = new Side(server, { base: 'http://nobody.invalid' }, '');
      for (const step of setup.steps) await side.http(step, 0);
      const vars = { ...side.vars, ...(await fill(server.base, side.vars)) };
      await server.stop({ keep: true });
      meddle(server.data);
      return { data: server.data, vars, remove: () => rmSync(server.work, { recursive: true, force: true }) };
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  /** Runs files that share servers, on a fresh pair. */
  async group(server, files, setup, fixedText) {
    const seed = server.import ? await this.seed(server.import, setup, server.version) : null;
    try {
      await this.pair(server, seed ? files : [setup, ...files], fixedText, seed);
    } finally {
      seed?.remove();
    }
  }

  async pair(server, files, fixedText, seed) {
    const folders = Object.fromEntries(Object.entries(server).filter(([key]) => ['hooks', 'public'].includes(key)).map(([key, value]) => [key, join(HERE, value)]));
    const start = (kind) => startServer(kind, folders, seed?.data);
    const started = await Promise.allSettled([start(this.values.left), start(this.values.right)]);
    const mails = server.mail ? [await startMailServer(), await startMailServer()] : [];
    const buckets = server.s3 ? await Promise.all([startS3(), startS3()]) : [];
    const failed = started.find((one) => one.status === 'rejected');
    const providers = await Promise.all(started.map(() => startProvider()));
    let sides = [];
    try {
      if (failed) throw failed.reason;
      sides = started.map((one, at) => new Side(one.value, providers[at], fixedText, mails[at], seed?.vars, buckets[at]));
      for (const file of files) {
        for (const step of file.steps) await this.compare(step, sides);
      }
    } finally {
      sides.forEach((side) => side.close());
      await Promise.all(providers.map((provider) => provider.stop()));
      await Promise.all(started.filter((one) => one.status === 'fulfilled').map((one) => one.value.stop({ keep: this.values.keep })));
      await Promise.all([...mails, ...buckets].map((one) => one.stop()));
    }
  }
}

function loadFiles(only) {
  const folder = join(HERE, 'cases');
  const files = readdirSync(folder).filter((name) => name.endsWith('.http')).sort().map((name) => readCases(join(folder, name)));
  files.push(matrix());
  files.push({ name: 'sdk', server: {}, steps: sdkSteps(SUPERUSER) });
  files.push({ name: 'sdk-accounts', server: { mail: 'on' }, steps: accountSteps(SUPERUSER) });
  if (only.length === 0) return files;
  // A file name selects the file. Anything else selects the files with such a
  // step, in full: later steps need what earlier ones made.
  return files.filter((file) => only.some((text) => file.name === text || file.steps.some((step) => step.id.includes(text))));
}

/** The files on imported data, for data that an older PocketBase has made; their steps are `FILE@VERSION/NAME`. */
function seededBy(version, files) {
  return files.filter((file) => file.server.import).map((file) => ({
    ...file,
    server: { ...file.server, version },
    steps: file.steps.map((step) => ({ ...step, id: step.id.replace(file.name, `${file.name}@${version}`) })),
  }));
}

async function main() {
  const values = options();
  const setup = readCases(join(HERE, 'setup', 'identities.http'));
  const files = loadFiles(values.only);
  if (files.length === 0) throw new Error(`nothing matches --only ${values.only.join(' ')}.`);
  if (values.list) {
    for (const file of files) for (const step of file.steps) console.log(step.id);
    return 0;
  }
  const fixedText = [join(HERE, 'setup', 'identities.http'), ...readdirSync(join(HERE, 'cases')).map((name) => join(HERE, 'cases', name)), join(HERE, 'sdk.mjs'), join(HERE, 'sdk-accounts.mjs')]
    .map((file) => readFileSync(file, 'utf8')).join('\n');

  const versions = values['seeded-by'];
  const groups = new Map();
  for (const file of versions.length ? versions.flatMap((version) => seededBy(version, files)) : files) {
    const key = JSON.stringify(file.server);
    groups.set(key, [...(groups.get(key) ?? []), file]);
  }
  const run = new Run(values);
  const began = Date.now();
  for (const [key, members] of groups) await run.group(JSON.parse(key), members, setup, fixedText);

  const stale = staleEntries(run.differences);
  for (const { id, part } of stale) console.log(`✗ docs/differences.md lists \`${id}\` (${part}), but it no longer differs: remove it.`);
  if (run.failures.length > MAX_SHOWN && !values.all) console.log(`… ${run.failures.length - MAX_SHOWN} more failures not shown (use --all)`);
  if (values.rows) for (const { id, parts } of run.failures) console.log(`| \`${id}\` | ${parts.join(', ')} |  |`);
  const steps = run.passed + run.accepted + run.failures.length;
  console.log(`${values.left} / ${values.right}: ${steps} steps, ${run.passed} equal, ${run.accepted} accepted differences, ${run.failures.length} failed, ${stale.length} stale entries, ${((Date.now() - began) / 1000).toFixed(1)} s`);
  return run.failures.length + stale.length > 0 ? 1 : 0;
}

for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143]]) {
  process.once(signal, () => {
    // A second signal ends this process at once (the handler is gone by then).
    stopAll().finally(() => process.exit(code));
  });
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`error: ${error.message}`);
  process.exitCode = 2;
} finally {
  await stopAll();
}
