// Hooks of cases/22-logs.http and 23-crons.http.
routerAdd("GET", "/log-quiet", (e) => e.json(200, {}), $apis.skipSuccessActivityLog());

routerAdd("GET", "/log-it", (e) => {
  $app.logger().warn("from a hook", "n", 1.5, "object", { a: "b" });
  $app.logger().with("base", 1).withGroup("group").error("in a group", "q", "w");
  return e.json(200, {});
});

routerAdd("GET", "/log-error", () => {
  throw new BadRequestError("Not like this", { field: new ValidationError("some_code", "some message") });
});

cronAdd("writes", "@yearly", () => {
  $app.store().set("ran", ($app.store().get("ran") || 0) + 1);
});
cronAdd("another", "1-5/2 3 * * *", () => {});
cronAdd("__own", "*/5 * * * *", () => {});
cronAdd("removed", "* * * * *", () => {});
cronRemove("removed");
cronAdd("throws", "0 0 1 1 *", () => {
  throw new Error("on purpose");
});
routerAdd("GET", "/ran", (e) => e.json(200, { ran: $app.store().get("ran") || 0 }));
