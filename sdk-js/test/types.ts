// Checked by `npm run check`, never run: the types of hook files accept what they should.
/// <reference path="../hooks.d.ts" />
onRecordCreate((e) => {
  e.record.set("title", e.record.getString("title").trim());
  e.next();
}, "posts");
routerAdd("GET", "/hello/{name}", async (e) => {
  const answer: unknown = await (await fetch("https://x.example")).json();
  if (!e.auth) throw new ForbiddenError("no", { a: new ValidationError("c", "m") });
  return e.json(200, { answer, name: e.request.pathValue("name"), n: $app.countRecords("posts", $dbx.hashExp({ a: 1 })) });
}, $apis.requireAuth(), new Middleware((e) => e.next(), -5, "id"));
// @ts-expect-error: events have names
onRecordCreated((e) => e.next());
// @ts-expect-error: a route needs a handler
routerAdd("GET", "/x");
