/** The names PocketBase's scripts know that are events. */

/** Record and model actions that are raised in pairs and with outcomes. */
const ACTIONS = ["Create", "Update", "Delete"];

function lifecycle(subject: string): string[] {
  return [
    `on${subject}Validate`,
    ...ACTIONS.flatMap((action) => [
      `on${subject}${action}`, `on${subject}${action}Execute`,
      `on${subject}After${action}Success`, `on${subject}After${action}Error`,
    ]),
  ];
}

function each(prefix: string, names: string, suffix: string): string[] {
  return names.split(" ").map((name) => prefix + name + suffix);
}

export const EVENTS: readonly string[] = [
  ...each("on", "Bootstrap BootstrapClear Terminate BackupCreate BackupRestore SettingsReload", ""),
  ...lifecycle("Model"), ...lifecycle("Record"), ...lifecycle("Collection"), "onRecordEnrich",
  "onMailerSend", ...each("onMailerRecord", "AuthAlert PasswordReset Verification EmailChange OTP", "Send"),
  "onRealtimeConnectRequest", "onRealtimeMessageSend", "onRealtimeSubscribeRequest",
  "onSettingsListRequest", "onSettingsUpdateRequest", "onFileDownloadRequest", "onFileTokenRequest",
  ...each("onRecord", "Auth AuthWithPassword AuthWithOAuth2 AuthRefresh RequestPasswordReset ConfirmPasswordReset "
    + "RequestVerification ConfirmVerification RequestEmailChange ConfirmEmailChange RequestOTP AuthWithOTP", "Request"),
  "onRecordsListRequest", ...each("onRecord", "View Create Update Delete", "Request"),
  "onCollectionsListRequest", "onCollectionsImportRequest", ...each("onCollection", "View Create Update Delete", "Request"),
  "onBatchRequest",
];

export function isIdentifierLike(value: unknown): value is string {
  return typeof value === "string" && value.trim().length > 0;
}
