// Login through other services: what handlers see, and what they may change. What they see goes into records of
// `hooked_log`.

onRecordAuthWithOAuth2Request((e) => {
  const user = e.oAuth2User;
  const note = (...parts) => {
    const log = new Record($app.findCollectionByNameOrId("hooked_log"));
    log.set("text", parts.join("|"));
    $app.save(log);
  };
  note(e.providerName, e.collection.name, e.isNewRecord, e.record ? e.record.id : "none", e.requestInfo().context,
    user.id, user.name, user.username, user.email, user.avatarURL, user.accessToken, user.refreshToken, user.rawUser.extra,
    JSON.stringify(e.createData));
  if (user.id === "refused") throw new ForbiddenError("not you");
  if (user.id === "stopped") return;
  if (user.id === "changed") {
    user.email = "changed@example.com";
    user.name = "Changed";
    e.createData = { note: "by a hook" };
  }
  if (user.id === "chosen") e.record = $app.findRecordById("hooked", "hooked000000001");
  e.next();
  note("after", user.id, e.isNewRecord);
}, "hooked");

onRecordCreateRequest((e) => {
  const { body, context } = e.requestInfo();
  e.record.set("log", `request(${context} ${Object.keys(body).sort().join(",")})`);
  e.next();
}, "hooked");

onRecordCreate((e) => {
  e.record.set("log", `${e.record.getString("log")} create(${e.record.getBool("verified")})`);
  e.next();
}, "hooked");

onRecordUpdate((e) => {
  e.record.set("log", `${e.record.getString("log")} update(${e.record.getBool("verified")})`);
  e.next();
}, "hooked");

onRecordCreate((e) => {
  if (e.record.getString("providerId") === "unlinked") throw new BadRequestError("no link");
  e.next();
}, "_externalAuths");

onRecordAuthRequest((e) => {
  e.record.set("log", `${e.record.getString("log")} auth(${e.authMethod} ${e.meta ? e.meta.isNew : ""})`);
  e.next();
}, "hooked");
