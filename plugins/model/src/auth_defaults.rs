//! Options of a new auth collection.

use crate::auth_options::*;

impl AuthOptions {
    /// The options of a new auth collection, token secrets still empty.
    pub fn standard() -> Self {
        Self {
            auth_rule: Some(String::new()),
            manage_rule: None,
            auth_alert: AuthAlert {
                enabled: true,
                email_template: template(ALERT),
            },
            oauth2: OAuth2::default(),
            password_auth: PasswordAuth {
                enabled: true,
                identity_fields: vec!["email".to_owned()],
            },
            mfa: Mfa {
                duration: 600,
                ..Mfa::default()
            },
            otp: Otp {
                enabled: false,
                duration: 180,
                length: 8,
                email_template: template(OTP),
            },
            auth_token: token(432_000),
            password_reset_token: token(1800),
            email_change_token: token(1800),
            verification_token: token(86_400),
            file_token: token(180),
            verification_template: template(VERIFY),
            reset_password_template: template(RESET),
            confirm_email_change_template: template(CHANGE),
        }
    }
}

fn token(duration: i64) -> Token {
    Token {
        secret: String::new(),
        duration,
    }
}

/// Subject and body of a mail.
type Mail = (&'static str, &'static str);

fn template((subject, body): Mail) -> Template {
    Template {
        subject: subject.to_owned(),
        body: body.to_owned(),
    }
}

const ALERT: Mail = (
    "Login from a new location",
    "<p>Hello,</p>
<p>We noticed a login to your {APP_NAME} account from a new location:</p>
<p><em>{ALERT_INFO}</em></p>
<p><strong>If this wasn't you, you should immediately change your {APP_NAME} account password to revoke access from all other locations.</strong></p>
<p>If this was you, you may disregard this email.</p>
<p>
  Thanks,<br/>
  {APP_NAME} team
</p>",
);

const OTP: Mail = (
    "OTP for {APP_NAME}",
    "<p>Hello,</p>
<p>Your one-time password is: <strong>{OTP}</strong></p>
<p><i>If you didn't ask for the one-time password, you can ignore this email.</i></p>
<p>
  Thanks,<br/>
  {APP_NAME} team
</p>",
);

const VERIFY: Mail = (
    "Verify your {APP_NAME} email",
    r#"<p>Hello,</p>
<p>Thank you for joining us at {APP_NAME}.</p>
<p>Click on the button below to verify your email address.</p>
<p>
  <a class="btn" href="{APP_URL}/_/#/auth/confirm-verification/{TOKEN}" target="_blank" rel="noopener">Verify</a>
</p>
<p><i>If you didn't recently register, please ignore this email.</i></p>
<p>
  Thanks,<br/>
  {APP_NAME} team
</p>"#,
);

const RESET: Mail = (
    "Reset your {APP_NAME} password",
    r#"<p>Hello,</p>
<p>Click on the button below to reset your password.</p>
<p>
  <a class="btn" href="{APP_URL}/_/#/auth/confirm-password-reset/{TOKEN}" target="_blank" rel="noopener">Reset password</a>
</p>
<p><i>If you didn't ask to reset your password, please ignore this email.</i></p>
<p>
  Thanks,<br/>
  {APP_NAME} team
</p>"#,
);

const CHANGE: Mail = (
    "Confirm your {APP_NAME} new email address",
    r#"<p>Hello,</p>
<p>Click on the button below to confirm your new email address.</p>
<p>
  <a class="btn" href="{APP_URL}/_/#/auth/confirm-email-change/{TOKEN}" target="_blank" rel="noopener">Confirm new email</a>
</p>
<p><i>If you didn't ask to change your email address, please ignore this email.</i></p>
<p>
  Thanks,<br/>
  {APP_NAME} team
</p>"#,
);
