// Model events of collections, and events of the application: settings, backups, messages, the start. What handlers see
// is answered by the route /log. Names of collections say what a handler does.

routerAdd("GET", "/log", (e) => e.json(200, require(__hooks + "/log.js").take()));
routerAdd("GET", "/boot", (e) => e.json(200, $app.store().get("boot")));

onCollectionValidate((e) => {
  const log = require(__hooks + "/log.js");
  if (!e.collection.name.startsWith("m_")) return e.next();
  log.add("<onCollectionValidate", e.collection.name, e.type, e.collection.isNew());
  e.next();
  log.add(">onCollectionValidate", e.collection.isNew());
});

onCollectionCreate((e) => {
  const log = require(__hooks + "/log.js");
  if (!e.collection.name.startsWith("m_")) return e.next();
  log.add("<onCollectionCreate", e.collection.name, e.type, e.collection.isNew());
  e.next();
  log.add(">onCollectionCreate", e.collection.isNew());
});

onCollectionCreateExecute((e) => {
  const log = require(__hooks + "/log.js");
  if (!e.collection.name.startsWith("m_")) return e.next();
  log.add("<onCollectionCreateExecute", e.collection.name, e.type, e.collection.isNew());
  e.next();
  log.add(">onCollectionCreateExecute", e.collection.isNew());
});

onCollectionAfterCreateSuccess((e) => {
  const log = require(__hooks + "/log.js");
  if (!e.collection.name.startsWith("m_")) return e.next();
  log.add("<onCollectionAfterCreateSuccess", e.collection.name, e.type, e.collection.isNew());
  e.next();
  log.add(">onCollectionAfterCreateSuccess", e.collection.isNew());
});

onCollectionAfterCreateError((e) => {
  const log = require(__hooks + "/log.js");
  if (!e.collection.name.startsWith("m_")) return e.next();
  log.add("<onCollectionAfterCreateError", e.collection.name, e.type, e.collection.isNew(), typeof e.error != "function" && !!e.error);
  e.next();
  log.add(">onCollectionAfterCreateError", e.collection.isNew());
});

onCollectionUpdate((e) => {
  const log = require(__hooks + "/log.js");
  if (!e.collection.name.startsWith("m_")) return e.next();
  log.add("<onCollectionUpdate", e.collection.name, e.type, e.collection.isNew());
  e.next();
  log.add(">onCollectionUpdate", e.collection.isNew());
});

onCollectionUpdateExecute((e) => {
  const log = require(__hooks + "/log.js");
  if (!e.collection.name.startsWith("m_")) return e.next();
  log.add("<onCollectionUpdateExecute", e.collection.name, e.type, e.collection.isNew());
  e.next();
  log.add(">onCollectionUpdateExecute", e.collection.isNew());
});

onCollectionAfterUpdateSuccess((e) => {
  const log = require(__hooks + "/log.js");
  if (!e.collection.name.startsWith("m_")) return e.next();
  log.add("<onCollectionAfterUpdateSuccess", e.collection.name, e.type, e.collection.isNew());
  e.next();
  log.add(">onCollectionAfterUpdateSuccess", e.collection.isNew());
});

onCollectionAfterUpdateError((e) => {
  const log = require(__hooks + "/log.js");
  if (!e.collection.name.startsWith("m_")) return e.next();
  log.add("<onCollectionAfterUpdateError", e.collection.name, e.type, e.collection.isNew(), typeof e.error != "function" && !!e.error);
  e.next();
  log.add(">onCollectionAfterUpdateError", e.collection.isNew());
});

onCollectionDelete((e) => {
  const log = require(__hooks + "/log.js");
  if (!e.collection.name.startsWith("m_")) return e.next();
  log.add("<onCollectionDelete", e.collection.name, e.type, e.collection.isNew());
  e.next();
  log.add(">onCollectionDelete", e.collection.isNew());
});

onCollectionDeleteExecute((e) => {
  const log = require(__hooks + "/log.js");
  if (!e.collection.name.startsWith("m_")) return e.next();
  log.add("<onCollectionDeleteExecute", e.collection.name, e.type, e.collection.isNew());
  e.next();
  log.add(">onCollectionDeleteExecute", e.collection.isNew());
});

onCollectionAfterDeleteSuccess((e) => {
  const log = require(__hooks + "/log.js");
  if (!e.collection.name.startsWith("m_")) return e.next();
  log.add("<onCollectionAfterDeleteSuccess", e.collection.name, e.type, e.collection.isNew());
  e.next();
  log.add(">onCollectionAfterDeleteSuccess", e.collection.isNew());
});

onCollectionAfterDeleteError((e) => {
  const log = require(__hooks + "/log.js");
  if (!e.collection.name.startsWith("m_")) return e.next();
  log.add("<onCollectionAfterDeleteError", e.collection.name, e.type, e.collection.isNew(), typeof e.error != "function" && !!e.error);
  e.next();
  log.add(">onCollectionAfterDeleteError", e.collection.isNew());
});

onModelValidate((e) => {
  const log = require(__hooks + "/log.js");
  if (!String(e.model.name || "").startsWith("m_")) return e.next();
  log.add("<onModelValidate", e.model.name, e.type, e.model.isNew());
  e.next();
}, "_collections");

onModelCreate((e) => {
  const log = require(__hooks + "/log.js");
  if (!String(e.model.name || "").startsWith("m_")) return e.next();
  log.add("<onModelCreate", e.model.name, e.type, e.model.isNew());
  e.next();
}, "_collections");

onModelCreateExecute((e) => {
  const log = require(__hooks + "/log.js");
  if (!String(e.model.name || "").startsWith("m_")) return e.next();
  log.add("<onModelCreateExecute", e.model.name, e.type, e.model.isNew());
  e.next();
}, "_collections");

onModelAfterCreateSuccess((e) => {
  const log = require(__hooks + "/log.js");
  if (!String(e.model.name || "").startsWith("m_")) return e.next();
  log.add("<onModelAfterCreateSuccess", e.model.name, e.type, e.model.isNew());
  e.next();
}, "_collections");

onModelAfterCreateError((e) => {
  const log = require(__hooks + "/log.js");
  if (!String(e.model.name || "").startsWith("m_")) return e.next();
  log.add("<onModelAfterCreateError", e.model.name, e.type, e.model.isNew());
  e.next();
}, "_collections");

onModelUpdate((e) => {
  const log = require(__hooks + "/log.js");
  if (!String(e.model.name || "").startsWith("m_")) return e.next();
  log.add("<onModelUpdate", e.model.name, e.type, e.model.isNew());
  e.next();
}, "_collections");

onModelUpdateExecute((e) => {
  const log = require(__hooks + "/log.js");
  if (!String(e.model.name || "").startsWith("m_")) return e.next();
  log.add("<onModelUpdateExecute", e.model.name, e.type, e.model.isNew());
  e.next();
}, "_collections");

onModelAfterUpdateSuccess((e) => {
  const log = require(__hooks + "/log.js");
  if (!String(e.model.name || "").startsWith("m_")) return e.next();
  log.add("<onModelAfterUpdateSuccess", e.model.name, e.type, e.model.isNew());
  e.next();
}, "_collections");

onModelAfterUpdateError((e) => {
  const log = require(__hooks + "/log.js");
  if (!String(e.model.name || "").startsWith("m_")) return e.next();
  log.add("<onModelAfterUpdateError", e.model.name, e.type, e.model.isNew());
  e.next();
}, "_collections");

onModelDelete((e) => {
  const log = require(__hooks + "/log.js");
  if (!String(e.model.name || "").startsWith("m_")) return e.next();
  log.add("<onModelDelete", e.model.name, e.type, e.model.isNew());
  e.next();
}, "_collections");

onModelDeleteExecute((e) => {
  const log = require(__hooks + "/log.js");
  if (!String(e.model.name || "").startsWith("m_")) return e.next();
  log.add("<onModelDeleteExecute", e.model.name, e.type, e.model.isNew());
  e.next();
}, "_collections");

onModelAfterDeleteSuccess((e) => {
  const log = require(__hooks + "/log.js");
  if (!String(e.model.name || "").startsWith("m_")) return e.next();
  log.add("<onModelAfterDeleteSuccess", e.model.name, e.type, e.model.isNew());
  e.next();
}, "_collections");

onModelAfterDeleteError((e) => {
  const log = require(__hooks + "/log.js");
  if (!String(e.model.name || "").startsWith("m_")) return e.next();
  log.add("<onModelAfterDeleteError", e.model.name, e.type, e.model.isNew());
  e.next();
}, "_collections");


// Tags: name or id of the collection, but only the table for model events.
onCollectionCreate((e) => {
  require(__hooks + "/log.js").add("tagged", e.collection.name);
  e.next();
}, "m_one", "other");
onModelCreate((e) => {
  require(__hooks + "/log.js").add("never");
  e.next();
}, "m_one");

onCollectionCreate((e) => {
  const { name } = e.collection;
  if (name == "m_stop") return;
  if (name == "m_throw") throw new ForbiddenError("not this one", { name: new ValidationError("my_code", "mine") });
  if (name == "m_set") e.collection.listRule = "id != ''";
  if (name == "m_set") e.collection.fields.getByName("t").max = 7;
  if (name == "m_broken") e.collection.listRule = "nope = 1";
  e.next();
  // In here the collection is there already.
  if (name == "m_filled") e.app.save(new Record(e.app.findCollectionByNameOrId("m_filled"), { id: "mfilled00000001", t: "in create" }));
});

onCollectionAfterCreateSuccess((e) => {
  if (e.collection.name == "m_late") throw new BadRequestError("too late");
  if (e.collection.name == "m_filled") $app.save(new Record($app.findCollectionByNameOrId("m_filled"), { id: "mfilled00000002", t: "after" }));
  e.next();
});

onCollectionUpdate((e) => {
  if (e.collection.viewRule == "id = 'stop'") return;
  if (e.collection.viewRule == "id = 'set'") e.collection.viewRule = "id = 'was set'";
  e.next();
});

onCollectionValidate((e) => {
  if (e.collection.viewRule == "id = 'invalid'") throw new BadRequestError("invalid for me");
  e.next();
});

onCollectionUpdateExecute((e) => {
  if (e.collection.viewRule == "id = 'throw'") throw new NotFoundError("not in here");
  if (e.collection.viewRule == "id = 'caught'") throw new BadRequestError("to be caught");
  e.next();
  if (e.collection.viewRule == "id = 'after'") throw new BadRequestError("after the change");
});

onCollectionUpdate((e) => {
  if (e.collection.viewRule != "id = 'caught'") return e.next();
  try {
    e.next();
  } catch (_) {
    require(__hooks + "/log.js").add("caught");
  }
});

onCollectionDelete((e) => {
  if (e.collection.viewRule == "id = 'keep'") throw new BadRequestError("keep it");
  if (e.collection.viewRule == "id = 'stay'") return;
  e.next();
});

onCollectionCreateRequest((e) => {
  if (e.collection.name == "m_asked") e.collection.listRule = "id = 'asked'";
  if (e.collection.name == "m_answered") e.requestEvent.json(202, { answered: true });
  e.next();
});

onSettingsReload((e) => {
  const log = require(__hooks + "/log.js");
  e.next();
  const { appName } = e.app.settings().meta;
  log.add("settings", appName);
  if (appName == "throw") throw new BadRequestError("no reload");
});

onBackupCreate((e) => {
  const log = require(__hooks + "/log.js");
  log.add("backup", e.name, e.exclude.includes("backups"));
  if (e.name == "stop.zip") return;
  if (e.name == "throw.zip") throw new ForbiddenError("no backup");
  if (e.name == "plain.zip") throw new Error("plain");
  if (e.name == "name.zip") e.name = "named.zip";
  e.next();
  log.add("made", e.name);
});

onBootstrap((e) => {
  e.next();
  e.app.store().set("boot", [e.app.settings().meta.appName.length > 0, e.app.findCollectionByNameOrId("users").name]);
});

onRealtimeMessageSend((e) => {
  const data = toString(e.message.data);
  require(__hooks + "/log.js").add("message", e.client.id().length, e.message.name, Object.keys(JSON.parse(data)), e.client.get("auth") ? e.client.get("auth").email() : "guest");
  if (data.includes("withhold")) return;
  if (data.includes("break off")) throw new BadRequestError("no");
  if (data.includes("other data")) e.message.data = JSON.stringify({ other: true });
  if (data.includes("other name")) e.message.name = "named";
  e.next();
});
