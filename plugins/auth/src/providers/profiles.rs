//! How each service describes a user, by its public documentation.

use super::{Doc, Profile, Unusable};

type Read = Result<Profile, Unusable>;

const INACTIVE: &str = "the user is not active";

/// The text if the condition holds, else nothing.
fn only_if(condition: bool, text: String) -> String {
    if condition { text } else { String::new() }
}

fn active(condition: bool) -> Result<(), Unusable> {
    if condition {
        Ok(())
    } else {
        Err(INACTIVE.to_owned())
    }
}

/// Claims of an Apple id token. The name stands in none of them: see `oauth2::apple`.
pub fn apple(doc: Doc<'_>) -> Read {
    Ok(Profile {
        id: doc.text("sub")?,
        name: doc.text("name")?,
        email: only_if(doc.loose_flag("email_verified")?, doc.text("email")?),
        ..Profile::default()
    })
}

pub fn google(doc: Doc<'_>) -> Read {
    Ok(Profile {
        id: doc.text("sub")?,
        name: doc.text("name")?,
        email: only_if(doc.flag("email_verified")?, doc.text("email")?),
        avatar_url: doc.text("picture")?,
        ..Profile::default()
    })
}

pub fn microsoft(doc: Doc<'_>) -> Read {
    Ok(Profile {
        id: doc.text("id")?,
        name: doc.text("displayName")?,
        email: doc.text("mail")?,
        ..Profile::default()
    })
}

pub fn yandex(doc: Doc<'_>) -> Read {
    let picture = doc.text("default_avatar_id")?;
    Ok(Profile {
        id: doc.text("id")?,
        name: doc.text("real_name")?,
        username: doc.text("login")?,
        email: doc.text("default_email")?,
        avatar_url: only_if(
            !doc.flag("is_avatar_empty")?,
            format!("https://avatars.yandex.net/get-yapic/{picture}/islands-200"),
        ),
    })
}

pub fn facebook(doc: Doc<'_>) -> Read {
    Ok(Profile {
        id: doc.text("id")?,
        name: doc.text("name")?,
        email: doc.text("email")?,
        avatar_url: doc.text("picture.data.url")?,
        ..Profile::default()
    })
}

pub fn instagram(doc: Doc<'_>) -> Read {
    Ok(Profile {
        id: doc.text("user_id")?,
        name: doc.text("name")?,
        username: doc.text("username")?,
        avatar_url: doc.text("profile_picture_url")?,
        ..Profile::default()
    })
}

pub fn github(doc: Doc<'_>) -> Read {
    Ok(Profile {
        id: doc.integer("id")?.to_string(),
        name: doc.text("name")?,
        username: doc.text("login")?,
        avatar_url: doc.text("avatar_url")?,
        ..Profile::default()
    })
}

pub fn gitlab(doc: Doc<'_>) -> Read {
    Ok(Profile {
        id: doc.integer("id")?.to_string(),
        name: doc.text("name")?,
        username: doc.text("username")?,
        email: only_if(is_moment(&doc.text("confirmed_at")?), doc.text("email")?),
        avatar_url: doc.text("avatar_url")?,
    })
}

/// Whether a text is a moment as RFC 3339 writes it, and not the zero one.
fn is_moment(text: &str) -> bool {
    let zoned = text.ends_with('Z')
        || text
            .len()
            .checked_sub(6)
            .and_then(|at| text.as_bytes().get(at))
            .is_some_and(|sign| matches!(sign, b'+' | b'-'));
    text.as_bytes().get(10) == Some(&b'T')
        && zoned
        && hangar_model::date::parse(text).is_some()
        && !text.starts_with("0001-01-01T00:00:00")
}

pub fn bitbucket(doc: Doc<'_>) -> Read {
    active(doc.text("account_status")? == "active")?;
    Ok(Profile {
        id: doc.text("uuid")?,
        name: doc.text("display_name")?,
        username: doc.text("username")?,
        avatar_url: doc.text("links.avatar.href")?,
        ..Profile::default()
    })
}

pub fn gitee(doc: Doc<'_>) -> Read {
    Ok(Profile {
        id: doc.integer("id")?.to_string(),
        name: doc.text("name")?,
        username: doc.text("login")?,
        email: doc.text("email")?,
        avatar_url: doc.text("avatar_url")?,
    })
}

pub fn gitea(doc: Doc<'_>) -> Read {
    active(doc.flag("active")?)?;
    Ok(Profile {
        id: doc.integer("id")?.to_string(),
        name: doc.text("full_name")?,
        username: doc.text("login")?,
        avatar_url: doc.text("avatar_url")?,
        ..Profile::default()
    })
}

pub fn discord(doc: Doc<'_>) -> Read {
    let (id, username, picture) = (doc.text("id")?, doc.text("username")?, doc.text("avatar")?);
    let (shown, number) = (doc.text("global_name")?, doc.text("discriminator")?);
    let name = match number.as_str() {
        _ if !shown.is_empty() => shown,
        "" | "0" => username.clone(),
        number => format!("{username}#{number}"),
    };
    Ok(Profile {
        avatar_url: only_if(
            !picture.is_empty(),
            format!("https://cdn.discordapp.com/avatars/{id}/{picture}.png"),
        ),
        id,
        name,
        username,
        email: only_if(doc.flag("verified")?, doc.text("email")?),
    })
}

pub fn twitter(doc: Doc<'_>) -> Read {
    let doc = doc.at("data")?;
    Ok(Profile {
        id: doc.text("id")?,
        name: doc.text("name")?,
        username: doc.text("username")?,
        email: doc.text("confirmed_email")?,
        avatar_url: doc.text("profile_image_url")?,
    })
}

pub fn kakao(doc: Doc<'_>) -> Read {
    let account = doc.at("kakao_account")?;
    let good = account.flag("is_email_valid")? && account.flag("is_email_verified")?;
    Ok(Profile {
        id: doc.integer("id")?.to_string(),
        username: doc.text("properties.nickname")?,
        email: only_if(good, account.text("email")?),
        avatar_url: doc.text("properties.profile_image")?,
        ..Profile::default()
    })
}

pub fn vk(doc: Doc<'_>) -> Read {
    let doc = first(doc.list("response")?)?;
    let name = format!("{} {}", doc.text("first_name")?, doc.text("last_name")?);
    Ok(Profile {
        id: doc.integer("id")?.to_string(),
        name: name.trim().to_owned(),
        username: doc.text("screen_name")?,
        avatar_url: doc.text("photo_max")?,
        ..Profile::default()
    })
}

fn first(list: Vec<Doc<'_>>) -> Result<Doc<'_>, Unusable> {
    list.first()
        .copied()
        .ok_or_else(|| "there is no user in the list".to_owned())
}

pub fn linear(doc: Doc<'_>) -> Read {
    let doc = doc.at("data.viewer")?;
    active(doc.flag("active")?)?;
    Ok(Profile {
        id: doc.text("id")?,
        name: doc.text("name")?,
        username: doc.text("displayName")?,
        email: doc.text("email")?,
        avatar_url: doc.text("avatarUrl")?,
    })
}

pub fn notion(doc: Doc<'_>) -> Read {
    let doc = doc.at("bot.owner.user")?;
    Ok(Profile {
        id: doc.text("id")?,
        name: doc.text("name")?,
        email: doc.text("person.email")?,
        avatar_url: doc.text("avatar_url")?,
        ..Profile::default()
    })
}

pub fn monday(doc: Doc<'_>) -> Read {
    let doc = doc.at("data.me")?;
    active(doc.flag("enabled")?)?;
    Ok(Profile {
        id: doc.text("id")?,
        name: doc.text("name")?,
        email: only_if(doc.flag("is_verified")?, doc.text("email")?),
        avatar_url: doc.text("photo_small")?,
        ..Profile::default()
    })
}

pub fn lark(doc: Doc<'_>) -> Read {
    let doc = doc.at("data")?;
    Ok(Profile {
        id: doc.text("union_id")?,
        name: doc.text("name")?,
        avatar_url: doc.text("avatar_url")?,
        ..Profile::default()
    })
}

pub fn r#box(doc: Doc<'_>) -> Read {
    active(doc.text("status")? == "active")?;
    Ok(Profile {
        id: doc.text("id")?,
        name: doc.text("name")?,
        email: doc.text("login")?,
        avatar_url: doc.text("avatar_url")?,
        ..Profile::default()
    })
}

pub fn spotify(doc: Doc<'_>) -> Read {
    let picture = match doc.list("images")?.first() {
        Some(picture) => picture.text("url")?,
        None => String::new(),
    };
    Ok(Profile {
        id: doc.text("id")?,
        name: doc.text("display_name")?,
        avatar_url: picture,
        ..Profile::default()
    })
}

pub fn trakt(doc: Doc<'_>) -> Read {
    let doc = doc.at("user")?;
    Ok(Profile {
        id: doc.text("ids.uuid")?,
        name: doc.text("name")?,
        username: doc.text("username")?,
        avatar_url: doc.text("images.avatar.full")?,
        ..Profile::default()
    })
}

pub fn twitch(doc: Doc<'_>) -> Read {
    let doc = first(doc.list("data")?)?;
    Ok(Profile {
        id: doc.text("id")?,
        name: doc.text("display_name")?,
        username: doc.text("login")?,
        email: doc.text("email")?,
        avatar_url: doc.text("profile_image_url")?,
    })
}

pub fn patreon(doc: Doc<'_>) -> Read {
    let user = doc.at("data.attributes")?;
    Ok(Profile {
        id: doc.text("data.id")?,
        name: user.text("full_name")?,
        username: user.text("vanity")?,
        email: only_if(user.flag("is_email_verified")?, user.text("email")?),
        avatar_url: user.text("image_url")?,
    })
}

pub fn strava(doc: Doc<'_>) -> Read {
    let id = doc.integer("id")?;
    Ok(Profile {
        id: only_if(id != 0, id.to_string()),
        name: format!("{} {}", doc.text("firstname")?, doc.text("lastname")?),
        username: doc.text("username")?,
        avatar_url: doc.text("profile")?,
        ..Profile::default()
    })
}

pub fn wakatime(doc: Doc<'_>) -> Read {
    let doc = doc.at("data")?;
    Ok(Profile {
        id: doc.text("id")?,
        name: doc.text("display_name")?,
        username: doc.text("username")?,
        email: only_if(doc.flag("is_email_confirmed")?, doc.text("email")?),
        avatar_url: only_if(doc.flag("photo_public")?, doc.text("photo")?),
    })
}

pub fn livechat(doc: Doc<'_>) -> Read {
    Ok(Profile {
        id: doc.text("account_id")?,
        name: doc.text("name")?,
        email: only_if(doc.flag("email_verified")?, doc.text("email")?),
        avatar_url: doc.text("avatar_url")?,
        ..Profile::default()
    })
}

pub fn mailcow(doc: Doc<'_>) -> Read {
    active(doc.integer("active")? == 1)?;
    let username = doc.text("username")?;
    let mailbox = username.split('@').next().unwrap_or_default();
    Ok(Profile {
        id: doc.text("id")?,
        name: doc.text("full_name")?,
        username: mailbox.to_owned(),
        email: doc.text("email")?,
        ..Profile::default()
    })
}

pub fn planningcenter(doc: Doc<'_>) -> Read {
    let doc = doc.at("data")?;
    // The service writes `attributes`. PocketBase 0.40.6 looks for `Attributes` and so refuses every user.
    let user = match doc.at("attributes")? {
        none if none.is_none() => doc.at("Attributes")?,
        user => user,
    };
    active(user.text("status")? == "active")?;
    Ok(Profile {
        id: doc.text("id")?,
        name: user.text("name")?,
        avatar_url: user.text("avatar")?,
        ..Profile::default()
    })
}

/// The standard claims of OpenID, from the user endpoint or an id token.
pub fn oidc(doc: Doc<'_>) -> Read {
    Ok(Profile {
        id: doc.text("sub")?,
        name: doc.text("name")?,
        username: doc.text("preferred_username")?,
        email: only_if(doc.loose_flag("email_verified")?, doc.text("email")?),
        avatar_url: doc.text("picture")?,
    })
}

#[cfg(test)]
#[path = "profiles_tests.rs"]
mod tests;
