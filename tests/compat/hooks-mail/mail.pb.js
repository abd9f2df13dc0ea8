/// Hooks around mails and what asks for them.

onMailerRecordVerificationSend((e) => {
  e.message.subject = "Hooked " + e.record.get("email") + " " + (e.meta["token"] ? "with a token" : "");
  e.next();
});

onMailerSend((e) => {
  e.message.subject = e.message.subject + "!";
  e.next();
});

onMailerRecordPasswordResetSend((e) => {
  throw new BadRequestError("not this one");
});

onMailerRecordEmailChangeSend((e) => {
  if (e.meta["newEmail"].startsWith("refused")) throw new BadRequestError("refused");
  if (e.meta["newEmail"].startsWith("silent")) return;
  e.message.to = [{ address: "elsewhere@example.com" }];
  e.next();
});

onMailerRecordOTPSend((e) => {
  e.message.subject = "OTP " + e.meta["password"].length + " " + (e.meta["otpId"] ? "id" : "");
  e.next();
});

onRecordRequestOTPRequest((e) => {
  if (!e.record) throw new BadRequestError("nobody has this email");
  e.password = "424242";
  e.next();
});

onRecordAuthWithOTPRequest((e) => {
  if (e.record.get("email") == "barred@example.com") throw new ForbiddenError("barred");
  e.next();
});

onRecordRequestVerificationRequest((e) => {
  if (e.record.get("email") == "barred@example.com") throw new ForbiddenError("barred");
  e.next();
});

onRecordConfirmVerificationRequest((e) => {
  if (e.record.get("name") == "barred") throw new ForbiddenError("barred");
  e.next();
});

onRecordRequestEmailChangeRequest((e) => {
  if (e.newEmail == "barred@example.net") throw new ForbiddenError("barred " + e.record.get("email"));
  e.next();
});
