// Events of requests for files, settings, collections and realtime. What a
// handler sees goes into the header x-log; `m` of the query says what it does.

onFileDownloadRequest((e) => {
  const { m } = e.requestInfo().query;
  e.requestEvent.response.header().set("x-log", JSON.stringify([
    e.servedPath.split("/").length, e.servedName == e.servedPath.split("/").pop(), e.fileField.name, e.record.id, e.collection.name,
    e.thumbError == null, e.auth ? e.auth.email() : null,
  ]));
  if (m == "forbid") throw new ForbiddenError("not this one");
  if (m == "plain") throw new Error("no");
  if (m == "stop") return;
  if (m == "json") return e.json(202, { a: 1 });
  if (m == "name") e.servedName = "other name.txt";
  if (m == "path") e.servedPath = e.servedPath.replace(e.servedName, e.record.getStringSlice("many")[1]);
  if (m == "missing") e.servedPath = "no/such/file";
  e.next();
}, "r_files");

onFileTokenRequest((e) => {
  const { m } = e.requestInfo().query;
  e.requestEvent.response.header().set("x-log", JSON.stringify([e.token.length > 50, e.record.email(), e.auth.id == e.record.id]));
  if (m == "token") e.token = "mine";
  if (m == "forbid") throw new ForbiddenError("no token");
  if (m == "nobody") $app.findRecordById("users", "nobody");
  if (m == "stop") return;
  e.next();
});

onSettingsListRequest((e) => {
  e.requestEvent.response.header().set("x-log", JSON.stringify([e.settings.meta.appName, e.settings.batch.maxRequests]));
  if (e.requestInfo().query.m == "stop") return;
  if (e.requestInfo().query.m == "forbid") throw new ForbiddenError("no settings");
  if (e.requestInfo().query.m == "nobody") $app.findRecordById("users", "nobody");
  e.next();
});

onSettingsUpdateRequest((e) => {
  const { m } = e.requestInfo().query;
  e.requestEvent.response.header().set("x-log", JSON.stringify([e.oldSettings.meta.appName, e.newSettings.meta.appName]));
  if (m == "stop") return;
  if (m == "forbid") throw new ForbiddenError("no change");
  if (m == "name") e.newSettings.meta.appName = "by a handler";
  e.next();
});

onCollectionsListRequest((e) => {
  e.requestEvent.response.header().set("x-log", JSON.stringify([e.collections.length > 3, e.collections[0].name, e.result.page, e.result.perPage]));
  if (e.requestInfo().query.m == "forbid") throw new ForbiddenError("no list");
  e.next();
});

onCollectionViewRequest((e) => {
  e.requestEvent.response.header().set("x-log", JSON.stringify([e.collection.name, e.collection.isNew()]));
  if (e.requestInfo().query.m == "forbid") throw new ForbiddenError("not this one");
  e.next();
});

onCollectionCreateRequest((e) => {
  const { m } = e.requestInfo().query;
  e.requestEvent.response.header().set("x-log", JSON.stringify([e.collection.name, e.collection.id, e.collection.isNew(), e.collection.fields.fieldNames().filter((name) => name != "id")]));
  if (m == "stop") return;
  if (m == "forbid") throw new ForbiddenError("no collection");
  e.next();
});

onCollectionUpdateRequest((e) => {
  const { m } = e.requestInfo().query;
  e.requestEvent.response.header().set("x-log", JSON.stringify([e.collection.name, e.collection.listRule, e.collection.fields.fieldNames()]));
  if (m == "stop") return;
  e.next();
});

onCollectionDeleteRequest((e) => {
  const { m } = e.requestInfo().query;
  e.requestEvent.response.header().set("x-log", JSON.stringify([e.collection.name]));
  if (m == "stop") return;
  if (m == "forbid") throw new ForbiddenError("not this one");
  e.next();
});

onCollectionsImportRequest((e) => {
  const { m } = e.requestInfo().query;
  e.requestEvent.response.header().set("x-log", JSON.stringify([e.collectionsData.length, e.collectionsData[0].name, e.deleteMissing]));
  if (m == "stop") return;
  e.next();
});

onRealtimeConnectRequest((e) => {
  const { m } = e.requestInfo().query;
  if (m == "forbid") throw new ForbiddenError("no connection");
  e.requestEvent.response.header().set("x-log", JSON.stringify([e.client.id().length, e.client.subscriptions(), e.client.get("auth")]));
  e.next();
});

onRealtimeSubscribeRequest((e) => {
  const { m } = e.requestInfo().query;
  const had = e.client.get("auth");
  e.requestEvent.response.header().set("x-log", JSON.stringify([
    e.subscriptions, Object.keys(e.client.subscriptions()).sort(), e.client.hasSubscription("custom"), had ? had.id : null, e.auth ? e.auth.id : null,
  ]));
  if (m == "stop") return;
  if (m == "forbid") throw new ForbiddenError("not these");
  if (m == "add") e.subscriptions = e.subscriptions.concat(["custom"]);
  e.next();
  if (m == "send") e.client.send(new SubscriptionMessage({ name: "custom", data: JSON.stringify({ hello: "world" }) }));
});
