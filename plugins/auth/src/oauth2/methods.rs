//! The services a client may choose from, with everything it needs to begin.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hangar_model::auth_options::OAuth2;
use hangar_model::providers::oauth2_provider;
use hangar_sdk::{Error, Result, crypto};
use serde::Serialize;

use super::text::encode;
use super::{Client, or};

const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const STATE_LENGTH: u32 = 30;
const VERIFIER_LENGTH: u32 = 43;

/// A service in the answer of `auth-methods`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Choice {
    name: String,
    display_name: String,
    logo: &'static str,
    state: String,
    #[serde(rename = "authURL")]
    auth_url: String,
    #[serde(rename = "authUrl")]
    auth_url_legacy: String,
    code_verifier: String,
    code_challenge: String,
    code_challenge_method: &'static str,
}

/// The services of a collection; none if they are switched off.
///
/// # Errors
/// The host has no random values.
pub fn choices(options: &OAuth2) -> Result<Vec<Choice>> {
    if !options.enabled {
        return Ok(Vec::new());
    }
    let clients = options.providers.iter().filter_map(Client::new);
    clients.map(|client| choice(&client)).collect()
}

impl Choice {
    /// The same in the list that older clients read, which has no logos.
    pub fn legacy(&self) -> Self {
        Self {
            logo: "",
            ..self.clone()
        }
    }
}

fn choice(client: &Client) -> Result<Choice> {
    let name = &client.settings.name;
    let shown = oauth2_provider(name);
    let state = crypto::random::text(STATE_LENGTH, LETTERS)?;
    let (verifier, challenge, method) = if client.pkce() {
        let verifier = crypto::random::text(VERIFIER_LENGTH, LETTERS)?;
        let challenge = challenge(&verifier)?;
        (verifier, challenge, "S256")
    } else {
        Default::default()
    };
    let url = address(client, &state, &challenge);
    Ok(Choice {
        display_name: or(
            &client.settings.display_name,
            shown.map_or("", |shown| shown.display_name),
        )
        .to_owned(),
        logo: shown.map_or("", |shown| shown.logo),
        name: name.clone(),
        state,
        auth_url: url.clone(),
        auth_url_legacy: url,
        code_verifier: verifier,
        code_challenge: challenge,
        code_challenge_method: method,
    })
}

/// The S256 challenge of a verifier.
fn challenge(verifier: &str) -> Result<String> {
    let digest = crypto::digest::hash("sha256", verifier.as_bytes())?;
    let bytes: Option<Vec<u8>> = digest
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    let bytes = bytes.ok_or_else(|| Error::internal("the host's digest is no hexadecimal text"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Where the user is sent; the client appends its redirect address.
fn address(client: &Client, state: &str, challenge: &str) -> String {
    let scope = client.provider.scopes.join(" ");
    let mut pairs = vec![("client_id", client.settings.client_id.as_str())];
    if !challenge.is_empty() {
        pairs.push(("code_challenge", challenge));
        pairs.push(("code_challenge_method", "S256"));
    }
    if !client.provider.response_mode.is_empty() {
        pairs.push(("response_mode", client.provider.response_mode));
    }
    pairs.push(("response_type", "code"));
    if !scope.is_empty() {
        pairs.push(("scope", &scope));
    }
    pairs.push(("state", state));
    let base = client.auth_url();
    let separator = if base.contains('?') { '&' } else { '?' };
    format!("{base}{separator}{}&redirect_uri=", encode(&pairs))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hangar_model::auth_options::Provider;

    fn url(provider: Provider, challenge: &str) -> String {
        address(&Client::new(&provider).expect("known"), "st", challenge)
    }

    #[test]
    fn addresses_look_like_pocketbase() {
        let client = |name: &str| Provider {
            name: name.into(),
            client_id: "a b".into(),
            ..Provider::default()
        };
        assert_eq!(
            url(client("apple"), "ch"),
            "https://appleid.apple.com/auth/authorize?client_id=a+b&code_challenge=ch&code_challenge_method=S256\
             &response_mode=form_post&response_type=code&scope=name+email&state=st&redirect_uri="
        );
        assert_eq!(
            url(client("notion"), ""),
            "https://api.notion.com/v1/oauth/authorize?client_id=a+b&response_type=code&state=st&redirect_uri="
        );
        let own = Provider {
            auth_url: "http://localhost/auth?x=1".into(),
            ..client("oidc")
        };
        assert_eq!(
            url(own, ""),
            "http://localhost/auth?x=1&client_id=a+b&response_type=code&scope=openid+email+profile&state=st&redirect_uri="
        );
    }
}
