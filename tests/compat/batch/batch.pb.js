// Hooks of cases/20-batch.http.
onBatchRequest((e) => {
  const first = e.batch[0].body?.title;
  if (first === "stop me") return;
  if (first === "refuse me") throw new ForbiddenError("not this batch");
  if (first === "change me") e.batch[0].body.title = "changed";
  e.next();
});

onRecordCreateRequest((e) => {
  const title = e.record.getString("title");
  if (title === "record stop") return;
  if (title === "record json") return e.json(201, { mine: 1 });
  if (title === "record text") return e.string(200, "plain");
  if (title === "record throws") throw new Error("hidden");
  if (title === "slow") {
    const end = Date.now() + 1500;
    while (Date.now() < end);
  }
  if (title === "context") {
    e.record.set("tag", [e.requestInfo().context, e.realIP(), e.requestInfo().headers.x_b].join(" "));
  }
  e.next();
}, "bposts");

onRecordAfterCreateSuccess((e) => {
  const seen = $app.store().get("seen") || "";
  if (e.record.getString("title").startsWith("seen")) $app.store().set("seen", seen + e.record.getString("title") + " saved. ");
  e.next();
}, "bposts");

onRecordAfterCreateError((e) => {
  const seen = $app.store().get("seen") || "";
  if (e.record.getString("title").startsWith("seen")) $app.store().set("seen", seen + e.record.getString("title") + " failed. ");
  e.next();
}, "bposts");

routerAdd("GET", "/seen", (e) => {
  const seen = $app.store().get("seen") || "";
  $app.store().set("seen", "");
  return e.string(200, seen);
});
