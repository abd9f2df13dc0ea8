// Custom routes: parameters, bodies, answers, access and the record API.

routerAdd("GET", "/hook/hello", (e) => {
  return e.json(200, { message: "hello" });
});

routerAdd("GET", "/hook/hello/{name}", (e) => {
  return e.json(200, { name: e.request.pathValue("name") });
});

routerAdd("GET", "/hook/rest/{path...}", (e) => {
  return e.json(200, { path: e.request.pathValue("path") });
});

routerAdd("GET", "/hook/two/{a}/and/{b}", (e) => {
  return e.json(201, [e.request.pathValue("a"), e.request.pathValue("b"), e.request.pathValue("nothere")]);
});

routerAdd("GET", "/api/hook/under-api", (e) => {
  return e.json(200, { under: "api" });
});

routerAdd("GET", "/hook/query", (e) => {
  const info = e.requestInfo();
  return e.json(200, { a: info.query["a"] || "", b: e.request.url.query().get("b") });
});

routerAdd("POST", "/hook/echo", (e) => {
  return e.json(200, { body: e.requestInfo().body });
});

routerAdd("PUT", "/hook/echo", (e) => {
  const info = e.requestInfo();
  return e.json(200, { method: info.method, x: info.headers["x_test"] || "", y: e.request.header.get("X-Test") });
});

routerAdd("GET", "/hook/answers/{kind}", (e) => {
  const kind = e.request.pathValue("kind");
  if (kind === "string") return e.string(200, "plain <text>");
  if (kind === "created") return e.string(201, "created");
  if (kind === "html") return e.html(200, "<b>bold</b>");
  if (kind === "none") return e.noContent(204);
  if (kind === "redirect") return e.redirect(307, "/hook/hello");
  if (kind === "null") return e.json(200, null);
  if (kind === "number") return e.json(200, 5);
  if (kind === "text") return e.json(200, "text");
  if (kind === "list") return e.json(200, [1, "two", null, true, { a: [] }]);
  if (kind === "escapes") return e.json(200, ["<>& é 😀 \" \\ \n"]);
  if (kind === "header") {
    e.response.header().set("X-Custom", "value");
    return e.json(200, {});
  }
  // Nothing returned.
});

routerAdd("GET", "/hook/errors/{kind}", (e) => {
  const kind = e.request.pathValue("kind");
  if (kind === "bad") throw new BadRequestError("bad one", { x: new ValidationError("code_x", "message x") });
  if (kind === "forbidden") throw new ForbiddenError("no entry");
  if (kind === "notfound") throw new NotFoundError("gone");
  if (kind === "unauthorized") throw new UnauthorizedError();
  if (kind === "api") throw new ApiError(409, "conflict", null);
  if (kind === "error") throw new Error("hidden");
  if (kind === "string") throw "text";
  if (kind === "undefined") throw undefined;
  if (kind === "reference") return nothere;
  if (kind === "returned") return e.forbiddenError("returned, not thrown", null);
  if (kind === "norecord") return e.json(200, $app.findRecordById("h_items", "nothere"));
  if (kind === "nocollection") return e.json(200, $app.findRecordById("nothere", "x"));
  if (kind === "badfilter") return e.json(200, $app.findRecordsByFilter("h_items", "nothere = 1", "", 10, 0));
});

routerAdd("GET", "/hook/auth", (e) => {
  return e.json(200, [e.auth ? e.auth.id : "", e.auth ? e.auth.collection().name : "", e.hasSuperuserAuth()]);
});

routerAdd("GET", "/hook/guarded", (e) => {
  return e.json(200, { id: e.auth.id });
}, $apis.requireAuth());

routerAdd("GET", "/hook/guarded-members", (e) => {
  return e.json(200, { id: e.auth.id });
}, $apis.requireAuth("members"));

routerAdd("GET", "/hook/guarded-superuser", (e) => {
  return e.json(200, { ok: true });
}, $apis.requireSuperuserAuth());

routerAdd("GET", "/hook/own-guard", (e) => {
  if (!e.auth) throw new UnauthorizedError("sign in first");
  return e.json(200, { hello: e.auth.getString("name"), email: e.auth.email() });
});

routerAdd("GET", "/hook/items/{id}", (e) => {
  return e.json(200, $app.findRecordById("h_items", e.request.pathValue("id")));
});

routerAdd("GET", "/hook/items", (e) => {
  const query = e.requestInfo().query;
  const found = $app.findRecordsByFilter("h_items", "title ~ {:text} && n >= {:min}", query["sort"] || "n", Number(query["limit"] || 10), Number(query["offset"] || 0), { text: query["text"] || "", min: Number(query["min"] || 0) });
  return e.json(200, found.map((item) => item.getString("title") + ":" + item.getInt("n")));
});

routerAdd("GET", "/hook/first", (e) => {
  try {
    const found = $app.findFirstRecordByFilter("h_items", "title = {:title}", { title: e.requestInfo().query["title"] || "" });
    return e.json(200, { found: found.id });
  } catch (err) {
    return e.json(200, { found: "" });
  }
});

routerAdd("GET", "/hook/count", (e) => {
  return e.json(200, [$app.countRecords("h_items")]);
});

routerAdd("GET", "/hook/getters/{id}", (e) => {
  const r = $app.findRecordById("h_items", e.request.pathValue("id"));
  return e.json(200, [
    r.id, r.collection().name, r.isNew(),
    r.get("title"), r.get("n"), r.get("b"), r.get("s"),
    r.getString("title"), r.getString("n"), r.getString("b"), r.getString("nothere"),
    r.getInt("n"), r.getInt("title"), r.getFloat("n"), r.getFloat("nothere"),
    r.getBool("b"), r.getBool("n"), r.getBool("title"),
    r.getStringSlice("s"), r.getStringSlice("title"), r.getStringSlice("nothere"),
    r.getDateTime("d").string(), r.getString("d"), r.getDateTime("nothere").isZero(),
  ]);
});

routerAdd("POST", "/hook/items", (e) => {
  const collection = $app.findCollectionByNameOrId("h_items");
  const record = new Record(collection);
  const body = e.requestInfo().body;
  record.set("id", body["id"]);
  record.set("title", body["title"]);
  record.set("n", body["n"]);
  const wasNew = record.isNew();
  $app.save(record);
  return e.json(201, [wasNew, record.isNew(), record.id, record.getInt("n")]);
});

routerAdd("PATCH", "/hook/items/{id}", (e) => {
  const record = $app.findRecordById("h_items", e.request.pathValue("id"));
  record.set("title", e.requestInfo().body["title"]);
  record.set("n+", 10);
  $app.save(record);
  return e.json(200, record);
});

routerAdd("DELETE", "/hook/items/{id}", (e) => {
  const record = $app.findRecordById("h_items", e.request.pathValue("id"));
  $app.delete(record);
  return e.noContent(204);
});

routerAdd("POST", "/hook/caught", (e) => {
  const record = new Record($app.findCollectionByNameOrId("h_items"));
  try {
    $app.save(record);
    return e.json(200, { saved: true });
  } catch (err) {
    return e.json(200, { saved: false });
  }
});
