// What handlers have seen, for a route to answer. The store is shared by all of them.
module.exports = {
  add(...what) {
    $app.store().set("log", ($app.store().get("log") || []).concat([what.join(" ")]));
  },
  take() {
    const log = $app.store().get("log") || [];
    $app.store().set("log", []);
    return log;
  },
};
