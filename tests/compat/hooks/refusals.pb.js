// Handlers that refuse, fail or stop the chain, chosen by the record's title.

onRecordCreateRequest((e) => {
  const title = e.record.getString("title");
  if (title === "bad request") throw new BadRequestError("Refused by the hook");
  if (title === "bad request with data") throw new BadRequestError("refused with data.", { title: new ValidationError("my_code", "my message") });
  if (title === "bad request with plain data") throw new BadRequestError("plain data", { a: "b", n: 5 });
  if (title === "bad request without text") throw new BadRequestError();
  if (title === "forbidden") throw new ForbiddenError("Not for you!");
  if (title === "forbidden without text") throw new ForbiddenError();
  if (title === "not found") throw new NotFoundError("Nothing here");
  if (title === "not found without text") throw new NotFoundError();
  if (title === "unauthorized") throw new UnauthorizedError("who are you?");
  if (title === "unauthorized without text") throw new UnauthorizedError();
  if (title === "too many") throw new TooManyRequestsError("slow down");
  if (title === "internal") throw new InternalServerError("broken");
  if (title === "api error") throw new ApiError(418, "teapot", { pot: "tea" });
  if (title === "plain error") throw new Error("hidden text");
  if (title === "string") throw "a string";
  if (title === "type error") { const nothing = undefined; nothing.x = 1; }
  if (title === "event method") throw e.badRequestError("from the event", null);
  if (title === "event forbidden") throw e.forbiddenError("event forbidden", {});
  e.next();
}, "h_refuse_request");

onRecordCreate((e) => {
  const title = e.record.getString("title");
  if (title === "bad request") throw new BadRequestError("refused by the model hook");
  if (title === "bad request with data") throw new BadRequestError("refused with data", { title: new ValidationError("my_code", "my message") });
  if (title === "forbidden") throw new ForbiddenError("model says no");
  if (title === "plain error") throw new Error("hidden text");
  if (title === "after next") {
    e.next();
    throw new BadRequestError("after the row was written");
  }
  if (title === "twice") e.next();
  e.next();
}, "h_refuse_model");

onRecordUpdate((e) => {
  if (e.record.getString("title") === "frozen") throw new BadRequestError("this one is frozen");
  e.next();
}, "h_refuse_model");

onRecordDelete((e) => {
  if (e.record.getString("title") === "keep") throw new ForbiddenError("keep it");
  e.next();
}, "h_refuse_model");

onRecordAfterCreateSuccess((e) => {
  if (e.record.getString("title") === "after success") throw new BadRequestError("too late");
  e.next();
}, "h_refuse_model");

onRecordCreateRequest((e) => {
  // The chain ends here: nothing is saved and nothing is written.
}, "h_stop_request");

onRecordUpdateRequest((e) => {
  return e.json(202, { stopped: e.record.id });
}, "h_stop_request");

onRecordDeleteRequest((e) => {}, "h_stop_request");

onRecordCreate((e) => {
  // The record is answered but never saved.
}, "h_stop_model");

onRecordUpdate((e) => {}, "h_stop_model");

onRecordDelete((e) => {}, "h_stop_model");

// Changes made by handlers.
onRecordCreateRequest((e) => {
  e.record.set("title", e.record.getString("title").trim().toUpperCase());
  e.record.set("n+", 1);
  e.record.set("owner", e.auth ? e.auth.id : "nobody");
  e.record.set("nothere", "ignored");
  e.next();
}, "h_change");

onRecordUpdateRequest((e) => {
  e.record.set("s", ["a", "b"]);
  e.record.set("secret", "set by the hook");
  e.next();
}, "h_change");

// A handler that writes to another collection.
onRecordAfterCreateSuccess((e) => {
  const counter = $app.findFirstRecordByFilter("h_counters", "name = {:name}", { name: e.record.getString("title") });
  counter.set("n", counter.getInt("n") + 1);
  $app.save(counter);
  e.next();
}, "h_counted");
