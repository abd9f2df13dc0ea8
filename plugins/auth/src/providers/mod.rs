//! The OAuth2 services: where they are, what is asked of them, and how their users look.

pub mod doc;
pub mod emails;
mod profiles;

pub use doc::{Doc, Unusable};
pub use emails::Emails;

/// What a service tells about a user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// Its id at the service.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Name for addresses.
    pub username: String,
    /// Email, only if the service has verified it.
    pub email: String,
    /// Address of a picture.
    pub avatar_url: String,
}

/// How a service is asked for the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// GET of the user URL with these headers; `{clientId}` stands for the client's id.
    Get(&'static [(&'static str, &'static str)]),
    /// POST of this JSON document to the user URL.
    Post(&'static str),
    /// As `Get` if there is a user URL, else the claims of the id token.
    GetOrIdToken,
    /// The claims of the id token.
    IdToken,
}

/// A service.
#[derive(Debug)]
pub struct Provider {
    /// Its name in options and requests.
    pub name: &'static str,
    /// Where users are sent to.
    pub auth_url: &'static str,
    /// Where codes are exchanged.
    pub token_url: &'static str,
    /// Where users are read.
    pub user_url: &'static str,
    /// What is asked for.
    pub scopes: &'static [&'static str],
    /// Whether a proof key is used where the options do not say.
    pub pkce: bool,
    /// `response_mode` of the address for users; empty for the service's default.
    pub response_mode: &'static str,
    /// How the user is read.
    pub ask: Ask,
    /// Where the verified email is, if not in the user.
    pub emails: Option<Emails>,
    /// The user in the answer.
    pub read: fn(Doc<'_>) -> Result<Profile, Unusable>,
}

/// The service of a name.
pub fn get(name: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|provider| provider.name == name)
}

const fn provider(
    name: &'static str,
    [auth_url, token_url, user_url]: [&'static str; 3],
    scopes: &'static [&'static str],
    read: fn(Doc<'_>) -> Result<Profile, Unusable>,
) -> Provider {
    Provider {
        name,
        auth_url,
        token_url,
        user_url,
        scopes,
        pkce: true,
        response_mode: "",
        ask: Ask::Get(&[]),
        emails: None,
        read,
    }
}

const fn oidc(name: &'static str) -> Provider {
    Provider {
        ask: Ask::GetOrIdToken,
        ..provider(
            name,
            ["", "", ""],
            &["openid", "email", "profile"],
            profiles::oidc,
        )
    }
}

static PROVIDERS: [Provider; 32] = [
    Provider {
        response_mode: "form_post",
        ask: Ask::IdToken,
        ..provider(
            "apple",
            [
                "https://appleid.apple.com/auth/authorize",
                "https://appleid.apple.com/auth/token",
                "",
            ],
            &["name", "email"],
            profiles::apple,
        )
    },
    provider(
        "google",
        [
            "https://accounts.google.com/o/oauth2/v2/auth",
            "https://oauth2.googleapis.com/token",
            "https://www.googleapis.com/oauth2/v3/userinfo",
        ],
        &[
            "https://www.googleapis.com/auth/userinfo.profile",
            "https://www.googleapis.com/auth/userinfo.email",
        ],
        profiles::google,
    ),
    provider(
        "microsoft",
        [
            "https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
            "https://login.microsoftonline.com/common/oauth2/v2.0/token",
            "https://graph.microsoft.com/v1.0/me",
        ],
        &["User.Read"],
        profiles::microsoft,
    ),
    provider(
        "yandex",
        [
            "https://oauth.yandex.com/authorize",
            "https://oauth.yandex.com/token",
            "https://login.yandex.ru/info",
        ],
        &["login:email", "login:avatar", "login:info"],
        profiles::yandex,
    ),
    provider(
        "facebook",
        [
            "https://www.facebook.com/v3.2/dialog/oauth",
            "https://graph.facebook.com/v3.2/oauth/access_token",
            "https://graph.facebook.com/me?fields=name,email,picture.type(large)",
        ],
        &["email"],
        profiles::facebook,
    ),
    provider(
        "instagram2",
        [
            "https://www.instagram.com/oauth/authorize",
            "https://api.instagram.com/oauth/access_token",
            "https://graph.instagram.com/me?fields=id,username,account_type,user_id,name,profile_picture_url,followers_count,follows_count,media_count",
        ],
        &["instagram_business_basic"],
        profiles::instagram,
    ),
    Provider {
        emails: Some(emails::GITHUB),
        ..provider(
            "github",
            [
                "https://github.com/login/oauth/authorize",
                "https://github.com/login/oauth/access_token",
                "https://api.github.com/user",
            ],
            &["read:user", "user:email"],
            profiles::github,
        )
    },
    provider(
        "gitlab",
        [
            "https://gitlab.com/oauth/authorize",
            "https://gitlab.com/oauth/token",
            "https://gitlab.com/api/v4/user",
        ],
        &["read_user"],
        profiles::gitlab,
    ),
    Provider {
        pkce: false,
        emails: Some(emails::BITBUCKET),
        ..provider(
            "bitbucket",
            [
                "https://bitbucket.org/site/oauth2/authorize",
                "https://bitbucket.org/site/oauth2/access_token",
                "https://api.bitbucket.org/2.0/user",
            ],
            &["account"],
            profiles::bitbucket,
        )
    },
    Provider {
        emails: Some(emails::GITEE),
        ..provider(
            "gitee",
            [
                "https://gitee.com/oauth/authorize",
                "https://gitee.com/oauth/token",
                "https://gitee.com/api/v5/user",
            ],
            &["user_info", "emails"],
            profiles::gitee,
        )
    },
    Provider {
        emails: Some(emails::GITEA),
        ..provider(
            "gitea",
            [
                "https://gitea.com/login/oauth/authorize",
                "https://gitea.com/login/oauth/access_token",
                "https://gitea.com/api/v1/user",
            ],
            &["read:user", "user:email"],
            profiles::gitea,
        )
    },
    provider(
        "discord",
        [
            "https://discord.com/api/oauth2/authorize",
            "https://discord.com/api/oauth2/token",
            "https://discord.com/api/users/@me",
        ],
        &["identify", "email"],
        profiles::discord,
    ),
    provider(
        "twitter",
        [
            "https://x.com/i/oauth2/authorize",
            "https://api.x.com/2/oauth2/token",
            "https://api.x.com/2/users/me?user.fields=id,name,username,profile_image_url,confirmed_email",
        ],
        &["users.read", "users.email", "tweet.read"],
        profiles::twitter,
    ),
    provider(
        "kakao",
        [
            "https://kauth.kakao.com/oauth/authorize",
            "https://kauth.kakao.com/oauth/token",
            "https://kapi.kakao.com/v2/user/me",
        ],
        &["account_email", "profile_nickname", "profile_image"],
        profiles::kakao,
    ),
    Provider {
        pkce: false,
        emails: Some(Emails::Token("email")),
        ..provider(
            "vk",
            [
                "https://oauth.vk.com/authorize",
                "https://oauth.vk.com/access_token",
                "https://api.vk.com/method/users.get?fields=photo_max,screen_name&v=5.131",
            ],
            &["email"],
            profiles::vk,
        )
    },
    Provider {
        pkce: false,
        ask: Ask::Post(
            r#"{"query": "query Me { viewer { id displayName name email avatarUrl active } }"}"#,
        ),
        ..provider(
            "linear",
            [
                "https://linear.app/oauth/authorize",
                "https://api.linear.app/oauth/token",
                "https://api.linear.app/graphql",
            ],
            &["read"],
            profiles::linear,
        )
    },
    Provider {
        ask: Ask::Get(&[("notion-version", "2022-06-28")]),
        ..provider(
            "notion",
            [
                "https://api.notion.com/v1/oauth/authorize",
                "https://api.notion.com/v1/oauth/token",
                "https://api.notion.com/v1/users/me",
            ],
            &[],
            profiles::notion,
        )
    },
    Provider {
        ask: Ask::Post(
            r#"{"query": "query { me { id enabled name email is_verified photo_small }}"}"#,
        ),
        ..provider(
            "monday",
            [
                "https://auth.monday.com/oauth2/authorize",
                "https://auth.monday.com/oauth2/token",
                "https://api.monday.com/v2",
            ],
            &["me:read"],
            profiles::monday,
        )
    },
    provider(
        "lark",
        [
            "https://accounts.feishu.cn/open-apis/authen/v1/authorize",
            "https://open.feishu.cn/open-apis/authen/v2/oauth/token",
            "https://open.feishu.cn/open-apis/authen/v1/user_info",
        ],
        &[],
        profiles::lark,
    ),
    provider(
        "box",
        [
            "https://account.box.com/api/oauth2/authorize",
            "https://api.box.com/oauth2/token",
            "https://api.box.com/2.0/users/me",
        ],
        &["root_readonly"],
        profiles::r#box,
    ),
    provider(
        "spotify",
        [
            "https://accounts.spotify.com/authorize",
            "https://accounts.spotify.com/api/token",
            "https://api.spotify.com/v1/me",
        ],
        &["user-read-private"],
        profiles::spotify,
    ),
    Provider {
        ask: Ask::Get(&[
            ("content-type", "application/json"),
            ("trakt-api-key", "{clientId}"),
            ("trakt-api-version", "2"),
        ]),
        ..provider(
            "trakt",
            [
                "https://trakt.tv/oauth/authorize",
                "https://api.trakt.tv/oauth/token",
                "https://api.trakt.tv/users/settings",
            ],
            &[],
            profiles::trakt,
        )
    },
    Provider {
        ask: Ask::Get(&[("client-id", "{clientId}")]),
        ..provider(
            "twitch",
            [
                "https://id.twitch.tv/oauth2/authorize",
                "https://id.twitch.tv/oauth2/token",
                "https://api.twitch.tv/helix/users",
            ],
            &["user:read:email"],
            profiles::twitch,
        )
    },
    provider(
        "patreon",
        [
            "https://www.patreon.com/oauth2/authorize",
            "https://www.patreon.com/api/oauth2/token",
            "https://www.patreon.com/api/oauth2/v2/identity?fields%5Buser%5D=full_name,email,vanity,image_url,is_email_verified",
        ],
        &["identity", "identity[email]"],
        profiles::patreon,
    ),
    provider(
        "strava",
        [
            "https://www.strava.com/oauth/authorize",
            "https://www.strava.com/api/v3/oauth/token",
            "https://www.strava.com/api/v3/athlete",
        ],
        &["profile:read_all"],
        profiles::strava,
    ),
    provider(
        "wakatime",
        [
            "https://wakatime.com/oauth/authorize",
            "https://wakatime.com/oauth/token",
            "https://wakatime.com/api/v1/users/current",
        ],
        &["email"],
        profiles::wakatime,
    ),
    provider(
        "livechat",
        [
            "https://accounts.livechat.com/",
            "https://accounts.livechat.com/token",
            "https://accounts.livechat.com/v2/accounts/me",
        ],
        &[],
        profiles::livechat,
    ),
    provider("mailcow", ["", "", ""], &["profile"], profiles::mailcow),
    provider(
        "planningcenter",
        [
            "https://api.planningcenteronline.com/oauth/authorize",
            "https://api.planningcenteronline.com/oauth/token",
            "https://api.planningcenteronline.com/people/v2/me",
        ],
        &["people"],
        profiles::planningcenter,
    ),
    oidc("oidc"),
    oidc("oidc2"),
    oidc("oidc3"),
];

#[cfg(test)]
mod tests {
    use hangar_model::providers::OAUTH2_PROVIDERS;

    #[test]
    fn every_service_that_can_be_chosen_is_known() {
        let known: Vec<&str> = super::PROVIDERS
            .iter()
            .map(|provider| provider.name)
            .collect();
        let offered: Vec<&str> = OAUTH2_PROVIDERS
            .iter()
            .map(|provider| provider.name)
            .collect();
        assert_eq!(known, offered);
    }
}
