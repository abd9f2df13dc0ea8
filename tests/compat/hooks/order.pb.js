// The order of record hooks. What happens before the answer is written goes
// into the record's own `log` field; deletes and failures, whose answer
// carries no record, go into a record of `h_log`.

onRecordCreateRequest((e) => {
  e.record.set("log", e.record.getString("log") + " createRequest");
  e.next();
}, "h_order");

onRecordCreate((e) => {
  e.record.set("log", e.record.getString("log") + " create<");
  e.next();
  e.record.set("log", e.record.getString("log") + " >create");
}, "h_order");

onRecordCreate((e) => {
  e.record.set("log", e.record.getString("log") + " create2<");
  e.next();
  e.record.set("log", e.record.getString("log") + " >create2");
}, "h_order");

onRecordAfterCreateSuccess((e) => {
  e.record.set("log", e.record.getString("log") + " afterCreate");
  e.next();
}, "h_order");

onRecordUpdateRequest((e) => {
  e.record.set("log", "updateRequest was:" + e.record.original().getString("title"));
  e.next();
}, "h_order");

onRecordUpdate((e) => {
  e.record.set("log", e.record.getString("log") + " update<");
  e.next();
  e.record.set("log", e.record.getString("log") + " >update");
}, "h_order");

onRecordAfterUpdateSuccess((e) => {
  e.record.set("log", e.record.getString("log") + " afterUpdate");
  e.next();
}, "h_order");

onRecordDeleteRequest((e) => {
  const log = $app.findRecordById("h_log", "hlog00000000001");
  log.set("text", log.getString("text") + " deleteRequest(" + e.record.getString("title") + ")");
  $app.save(log);
  e.next();
}, "h_order");

onRecordDelete((e) => {
  const log = $app.findRecordById("h_log", "hlog00000000001");
  log.set("text", log.getString("text") + " delete");
  $app.save(log);
  e.next();
}, "h_order");

onRecordAfterDeleteSuccess((e) => {
  const log = $app.findRecordById("h_log", "hlog00000000001");
  log.set("text", log.getString("text") + " afterDelete(" + e.record.id + ")");
  $app.save(log);
  e.next();
}, "h_order");

onRecordAfterCreateError((e) => {
  const log = $app.findRecordById("h_log", "hlog00000000001");
  log.set("text", log.getString("text") + " createError(" + e.record.getString("title") + ")");
  $app.save(log);
  e.next();
}, "h_order");

// The inner levels: validation and the statement itself.
onRecordValidate((e) => {
  e.record.set("log", e.record.getString("log") + " validate");
  e.next();
}, "h_levels");

onRecordCreate((e) => {
  e.record.set("log", e.record.getString("log") + " create");
  e.next();
}, "h_levels");

onRecordCreateExecute((e) => {
  e.record.set("log", e.record.getString("log") + " execute");
  e.next();
}, "h_levels");

onRecordUpdateExecute((e) => {
  e.record.set("log", "updateExecute");
  e.next();
}, "h_levels");

// Handlers without a tag see every collection.
onRecordCreateRequest((e) => {
  if (e.collection.name === "h_untagged") {
    e.record.set("log", "untagged " + e.collection.name);
  }
  e.next();
});
