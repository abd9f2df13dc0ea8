// What has to do with mails, through the official JavaScript SDK: verification, password reset, email change, one-time
// passwords, second factors, and sessions in somebody else's name. Each server has a mail server of its own.
import PocketBase, { BaseAuthStore } from 'pocketbase';
import { mailAnswer } from './lib/mail.mjs';
import { recorder, store } from './sdk.mjs';

const PASSWORD = 'sdkpass12';
const OTHER = 'otherpass1';
const EMAIL = 'eve@example.com';

/** Returns the steps {id, run(base, idp, mail)}, like `sdkSteps`. */
export function accountSteps(superuser) {
  const { steps, step } = recorder('sdk-accounts', (base, idp, mail) => {
    const client = () => {
      const pb = new PocketBase(base, new BaseAuthStore());
      pb.autoCancellation(false);
      return pb;
    };
    const clients = { root: client(), guest: client(), user: client() };
    const people = (pb) => pb.collection('sdk_accounts');
    /** What the next mail to an address has: `token` or `code`. */
    const next = async (address) => (await mailAnswer(mail, address)).found;
    const log = async (password, email = EMAIL) => people(clients.user).authWithPassword(email, password);
    return { ...clients, people, next, log, mail, ids: {} };
  });

  step('setup', async ({ root, people, mail, ids }) => {
    await root.collection('_superusers').authWithPassword(superuser.email, superuser.password);
    await root.settings.update({ smtp: { enabled: true, host: '127.0.0.1', port: mail.port } });
    await root.collections.create({ name: 'sdk_accounts', type: 'auth', createRule: '', viewRule: 'id = @request.auth.id', otp: { enabled: true, duration: 180, length: 8 } });
    const { id } = await people(root).create({ email: EMAIL, password: PASSWORD, passwordConfirm: PASSWORD });
    ids.eve = id;
  });

  step('verification/request', ({ guest, people }) => people(guest).requestVerification(EMAIL));
  step('verification/confirm', async ({ guest, people, next, log, ids }) => {
    await log(PASSWORD);
    ids.token = (await next(EMAIL)).token;
    return people(guest).confirmVerification(ids.token);
  });
  step('verification/the store knows', async ({ user, people, ids }) => {
    const before = user.authStore.record.verified;
    // The SDK brings the store of the client that confirms up to date.
    await people(user).confirmVerification(ids.token);
    return { before, after: user.authStore.record.verified, stored: (await people(user).getOne(ids.eve)).verified };
  });
  step('verification/wrong token', ({ guest, people }) => people(guest).confirmVerification('not.a.token'));
  step('verification/unknown address', ({ guest, people }) => people(guest).requestVerification('nobody@example.com'));

  step('reset/request', ({ guest, people }) => people(guest).requestPasswordReset(EMAIL));
  step('reset/mismatch', async ({ guest, people, next, ids }) => {
    ids.token = (await next(EMAIL)).token;
    return people(guest).confirmPasswordReset(ids.token, OTHER, 'something else');
  });
  step('reset/confirm', ({ guest, people, ids }) => people(guest).confirmPasswordReset(ids.token, OTHER, OTHER));
  step('reset/again', ({ guest, people, ids }) => people(guest).confirmPasswordReset(ids.token, PASSWORD, PASSWORD));
  step('reset/session is over', ({ user, people }) => people(user).authRefresh());
  step('reset/old password', ({ log }) => log(PASSWORD));
  step('reset/new password', async ({ log }) => (await log(OTHER)).record.verified);

  step('email/request as guest', ({ guest, people }) => people(guest).requestEmailChange('new@example.com'));
  step('email/request the same', ({ user, people }) => people(user).requestEmailChange(EMAIL));
  step('email/request', ({ user, people }) => people(user).requestEmailChange('new@example.com'));
  step('email/wrong password', async ({ guest, people, next, ids }) => {
    ids.token = (await next('new@example.com')).token;
    return people(guest).confirmEmailChange(ids.token, PASSWORD);
  });
  step('email/confirm', async ({ user, people, ids }) => {
    const done = await people(user).confirmEmailChange(ids.token, OTHER);
    // The SDK ends the session of the client that confirms.
    return { done, store: store(user) };
  });
  step('email/login', async ({ log }) => (await log(OTHER, 'new@example.com')).record);

  step('otp/request', async ({ guest, people, ids }) => {
    const { otpId } = await people(guest).requestOTP('new@example.com');
    ids.otp = otpId;
    return otpId.length;
  });
  step('otp/unknown address', async ({ guest, people }) => (await people(guest).requestOTP('nobody@example.com')).otpId.length);
  step('otp/wrong code', ({ guest, people, ids }) => people(guest).authWithOTP(ids.otp, '00000000'));
  step('otp/login', async ({ user, people, next, ids }) => {
    user.authStore.clear();
    ids.code = (await next('new@example.com')).code;
    const answer = await people(user).authWithOTP(ids.otp, ids.code);
    return { answer, store: store(user) };
  });
  step('otp/used', ({ user, people, ids }) => people(user).authWithOTP(ids.otp, ids.code));

  step('mfa/on', ({ root }) => root.collections.update('sdk_accounts', { mfa: { enabled: true, duration: 600 } }, { fields: 'mfa' }));
  step('mfa/first factor', async ({ user, log, ids }) => {
    user.authStore.clear();
    try {
      return await log(OTHER, 'new@example.com');
    } catch (error) {
      ids.mfa = error.response.mfaId;
      return { status: error.status, keys: Object.keys(error.response), length: ids.mfa?.length, store: store(user) };
    }
  });
  step('mfa/the same factor', ({ user, people, ids }) => people(user).authWithPassword('new@example.com', OTHER, { mfaId: ids.mfa }));
  step('mfa/second factor', async ({ user, people, next, ids }) => {
    const { otpId } = await people(user).requestOTP('new@example.com');
    const { code } = await next('new@example.com');
    const answer = await people(user).authWithOTP(otpId, code, { mfaId: ids.mfa });
    return { answer, store: store(user) };
  });
  step('mfa/off', ({ root }) => root.collections.update('sdk_accounts', { mfa: { enabled: false } }, { fields: 'mfa.enabled' }));

  step('impersonate/as guest', ({ guest, people, ids }) => people(guest).impersonate(ids.eve, 60));
  step('impersonate/as a user', ({ user, people, ids }) => people(user).impersonate(ids.eve, 60));
  step('impersonate/nobody', ({ root, people }) => people(root).impersonate('nothere', 60));
  step('impersonate/for an hour', async ({ root, people, ids }) => {
    const client = await people(root).impersonate(ids.eve, 3600);
    const own = store(client);
    const seen = await people(client).getOne(ids.eve);
    let refreshed;
    try {
      refreshed = (await people(client).authRefresh()).token === own.token;
    } catch (error) {
      refreshed = error.status;
    }
    return { own, seen, refreshed, root: root.authStore.isSuperuser };
  });
  step('impersonate/as long as usual', async ({ root, people, ids }) => store(await people(root).impersonate(ids.eve, 0)));

  step('mails nobody expected', async ({ mail }) => (await mailAnswer(mail, '*')).text);
  step('gone', ({ root }) => root.collections.delete('sdk_accounts'));
  return steps;
}
