// A client of an event stream that keeps every byte, unlike EventSource.
import { Agent, request } from 'node:http';

const CONNECT_MS = 10_000;
const ARRIVE_MS = 10_000;
// How long to look for messages that should not come.
const QUIET_MS = 300;

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** One connection; `messages` are texts as they came, without the blank line that ends each. */
export class EventStream {
  constructor() {
    this.messages = [];
    this.rest = '';
    this.ended = false;
    this.id = '';
  }

  /** Connects and waits for the first message. Answers {status, headers, text} like `exchange`, or {failure}. */
  open(base, { path, headers, from }) {
    const { hostname, port } = new URL(base);
    return new Promise((resolve) => {
      const fail = (error) => {
        this.ended = true;
        resolve({ failure: error.code ?? error.message });
      };
      this.request = request({ hostname, port, path, headers, localAddress: from, agent: new Agent() });
      const late = setTimeout(() => this.request.destroy(new Error('no first message in time')), CONNECT_MS);
      this.request.on('error', fail);
      this.request.on('response', (answer) => {
        const finish = () => {
          clearTimeout(late);
          resolve({ status: answer.statusCode, headers: answer.headers, text: this.messages.shift() ?? this.rest });
        };
        answer.setEncoding('utf8');
        answer.on('data', (part) => {
          const texts = (this.rest + part).split('\n\n');
          this.rest = texts.pop();
          this.messages.push(...texts);
          if (!this.id && texts.length > 0) {
            this.id = /^id:(.*)$/m.exec(texts[0])?.[1] ?? '';
            finish();
          }
        });
        const end = () => {
          this.ended = true;
          finish();
        };
        answer.on('end', end);
        answer.on('error', end);
      });
      this.request.end();
    });
  }

  /** Takes what has come: waits for `count` messages, then a little for one too many. */
  async take(count) {
    const limit = Date.now() + ARRIVE_MS;
    while (this.messages.length < count && !this.ended && Date.now() < limit) await pause(5);
    await pause(QUIET_MS);
    return this.messages.splice(0);
  }

  /** Waits for the server to end the stream. */
  async end() {
    const limit = Date.now() + ARRIVE_MS;
    while (!this.ended && Date.now() < limit) await pause(5);
    return this.ended;
  }

  close() {
    this.request?.destroy();
  }
}

/** Sorts the keys of the JSON in the data lines, for messages that PocketBase writes in random order. */
export function sortData(message) {
  return message.replace(/^data:(.*)$/m, (whole, text) => {
    try {
      return `data:${JSON.stringify(sorted(JSON.parse(text)))}`;
    } catch {
      return whole;
    }
  });
}

function sorted(value) {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(sorted);
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]));
}
