// What waits for the end of a transaction: the after-events of records saved in it. They note themselves in `h_log`.

onRecordAfterCreateSuccess((e) => {
  e.next();
  const log = $app.findRecordById("h_log", "hlog00000000002");
  log.set("text", log.getString("text") + " success(" + e.record.getString("title") + ")");
  $app.save(log);
}, "h_tx");

onRecordAfterCreateError((e) => {
  e.next();
  const log = $app.findRecordById("h_log", "hlog00000000002");
  log.set("text", log.getString("text") + " error(" + e.record.getString("title") + ")");
  $app.save(log);
}, "h_tx");

onRecordAfterDeleteSuccess((e) => {
  e.next();
  const log = $app.findRecordById("h_log", "hlog00000000002");
  log.set("text", log.getString("text") + " deleted(" + e.record.getString("title") + ")");
  $app.save(log);
}, "h_tx");

routerAdd("POST", "/h/tx/{end}", (e) => {
  const end = e.request.pathValue("end");
  const note = (app, text) => {
    const log = app.findRecordById("h_log", "hlog00000000002");
    log.set("text", log.getString("text") + " " + text);
    app.save(log);
  };
  try {
    $app.runInTransaction((tx) => {
      for (const title of ["a", "b"]) {
        const record = new Record(tx.findCollectionByNameOrId("h_tx"));
        record.set("title", title);
        tx.save(record);
        note(tx, "saved(" + title + ")");
        if (end === "delete") {
          tx.delete(record);
          note(tx, "gone(" + title + ")");
        }
      }
      if (end === "invalid") {
        tx.save(new Record(tx.findCollectionByNameOrId("h_tx")));
      }
      if (end === "rollback") {
        throw new BadRequestError("rolled back");
      }
    });
  } catch (error) {
    note($app, "caught");
  }
  return e.json(200, { text: $app.findRecordById("h_log", "hlog00000000002").getString("text") });
});

// The whole request in one transaction: the after-event follows its commit.
onRecordCreateRequest((e) => {
  if (e.record.getString("title") !== "wrapped") {
    return e.next();
  }
  const outer = e.app;
  $app.runInTransaction((tx) => {
    e.app = tx;
    e.next();
    const log = tx.findRecordById("h_log", "hlog00000000002");
    log.set("text", log.getString("text") + " before-commit");
    tx.save(log);
  });
  e.app = outer;
}, "h_tx");
