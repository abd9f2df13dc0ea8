//! The OAuth2 services there are, as users choose among them. The logos are marks of their owners.

/// A service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OAuth2Provider {
    /// Its name in options and requests.
    pub name: &'static str,
    /// Its name for people.
    pub display_name: &'static str,
    /// An SVG document.
    pub logo: &'static str,
}

macro_rules! provider {
    ($name:literal, $display_name:literal) => {
        provider!($name, $display_name, $name)
    };
    ($name:literal, $display_name:literal, $logo:literal) => {
        OAuth2Provider {
            name: $name,
            display_name: $display_name,
            logo: include_str!(concat!("../logos/", $logo, ".svg")),
        }
    };
}

/// All services, in the order they are shown.
pub const OAUTH2_PROVIDERS: [OAuth2Provider; 32] = [
    provider!("apple", "Apple"),
    provider!("google", "Google"),
    provider!("microsoft", "Microsoft"),
    provider!("yandex", "Yandex"),
    provider!("facebook", "Facebook"),
    provider!("instagram2", "Instagram"),
    provider!("github", "GitHub"),
    provider!("gitlab", "GitLab"),
    provider!("bitbucket", "Bitbucket"),
    provider!("gitee", "Gitee"),
    provider!("gitea", "Gitea/Forgejo"),
    provider!("discord", "Discord"),
    provider!("twitter", "X/Twitter"),
    provider!("kakao", "Kakao"),
    provider!("vk", "ВКонтакте"),
    provider!("linear", "Linear"),
    provider!("notion", "Notion"),
    provider!("monday", "monday.com"),
    provider!("lark", "Lark"),
    provider!("box", "Box"),
    provider!("spotify", "Spotify"),
    provider!("trakt", "Trakt"),
    provider!("twitch", "Twitch"),
    provider!("patreon", "Patreon"),
    provider!("strava", "Strava"),
    provider!("wakatime", "WakaTime"),
    provider!("livechat", "LiveChat"),
    provider!("mailcow", "mailcow"),
    provider!("planningcenter", "Planning Center"),
    provider!("oidc", "OIDC"),
    provider!("oidc2", "OIDC", "oidc"),
    provider!("oidc3", "OIDC", "oidc"),
];

/// The service of a name.
pub fn oauth2_provider(name: &str) -> Option<&'static OAuth2Provider> {
    OAUTH2_PROVIDERS
        .iter()
        .find(|provider| provider.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logos_are_documents_without_scripts() {
        for provider in OAUTH2_PROVIDERS {
            assert!(
                provider.logo.starts_with("<svg ") && provider.logo.ends_with("</svg>"),
                "{}",
                provider.name
            );
            assert!(!provider.logo.contains("<script"), "{}", provider.name);
        }
        assert_eq!(
            oauth2_provider("vk").map(|provider| provider.display_name),
            Some("ВКонтакте")
        );
        assert_eq!(oauth2_provider("VK"), None);
    }
}
