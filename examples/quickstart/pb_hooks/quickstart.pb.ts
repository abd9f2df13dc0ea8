/// <reference path="../../../sdk-js/hooks.d.ts" />
// Hooks in TypeScript. Save this file while the server runs: the new version serves the next request.

interface Reading { words: number; minutes: number }

const WORDS_A_MINUTE = 200;

function reading(text: string): Reading {
  const words = text.split(/\s+/).filter(Boolean).length;
  return { words, minutes: Math.ceil(words / WORDS_A_MINUTE) };
}

const pause = (milliseconds: number) => new Promise<void>((done) => setTimeout(done, milliseconds));

// Around each creation of a note, whoever asks for it: an API client, another hook.
onRecordCreate(async (e) => {
  const { words } = reading(e.record.getString("text"));
  if (words === 0) throw new BadRequestError("A note needs at least one word.");
  await pause(5); // a handler may wait: for a timer, for fetch()
  e.record.set("words", words);
  e.next(); // the record is saved in here
}, "notes");

// A route of its own: GET /quickstart/hello/Ada
routerAdd("GET", "/quickstart/hello/{name}", async (e) => {
  const [name] = await Promise.all([e.request.pathValue("name"), pause(5)]);
  const notes = $app.findRecordsByFilter("notes", "words > 0");
  const { minutes } = reading(notes.map((note) => note.getString("text")).join(" "));
  return e.json(200, { greeting: `Hello, ${name}!`, notes: notes.length, minutes });
});
