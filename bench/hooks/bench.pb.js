/// Loaded by Hangar and by PocketBase as it is.

onRecordCreateRequest((e) => {
  e.record.set("title", e.record.get("title") + "!");
  e.next();
}, "bench_hooked");

routerAdd("GET", "/bench/hello/{name}", (e) => e.json(200, { hello: e.request.pathValue("name") }));
