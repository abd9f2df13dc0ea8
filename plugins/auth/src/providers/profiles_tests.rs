//! Users as the services' documentation shows them, and what is taken from them.

use serde_json::Value;

use crate::providers::{Doc, Profile, Unusable, get};

fn read(name: &str, text: &str) -> Result<Profile, Unusable> {
    let user: Value = serde_json::from_str(text).expect("JSON");
    (get(name).expect("a known service").read)(Doc::new(&user))
}

/// Service, its user, and id, name, username, email, picture.
const USERS: &[(&str, &str, [&str; 5])] = &[
    (
        "google",
        r#"{"sub":"g-sub","id":"g-id","name":"Name","given_name":"Gn","picture":"http://p","email":"google@e.co","email_verified":true}"#,
        ["g-sub", "Name", "", "google@e.co", "http://p"],
    ),
    (
        "microsoft",
        r#"{"id":"ms-id","displayName":"Disp","givenName":"Gn","mail":"microsoft@e.co","userPrincipalName":"upn@e.co"}"#,
        ["ms-id", "Disp", "", "microsoft@e.co", ""],
    ),
    (
        "yandex",
        r#"{"id":"y-id","login":"ylogin","display_name":"ydisp","real_name":"yreal","default_email":"yandex@e.co","is_avatar_empty":false,"default_avatar_id":"12/34"}"#,
        [
            "y-id",
            "yreal",
            "ylogin",
            "yandex@e.co",
            "https://avatars.yandex.net/get-yapic/12/34/islands-200",
        ],
    ),
    (
        "facebook",
        r#"{"id":"fb-id","name":"Fb","email":"facebook@e.co","picture":{"data":{"url":"http://fb/p","height":200}}}"#,
        ["fb-id", "Fb", "", "facebook@e.co", "http://fb/p"],
    ),
    (
        "instagram2",
        r#"{"id":"ig","user_id":"ig-uid","username":"iguser","name":"Ig","profile_picture_url":"http://ig/p"}"#,
        ["ig-uid", "Ig", "iguser", "", "http://ig/p"],
    ),
    (
        "github",
        r#"{"id":1234567,"login":"ghlogin","name":"Gh","email":"hidden@e.co","avatar_url":"http://gh/a"}"#,
        ["1234567", "Gh", "ghlogin", "", "http://gh/a"],
    ),
    (
        "gitlab",
        r#"{"id":765,"username":"gluser","name":"Gl","email":"gitlab@e.co","avatar_url":"http://gl/a","confirmed_at":"2020-01-01T00:00:00Z"}"#,
        ["765", "Gl", "gluser", "gitlab@e.co", "http://gl/a"],
    ),
    (
        "bitbucket",
        r#"{"uuid":"{bb}","username":"bbuser","display_name":"Bb","account_status":"active","links":{"avatar":{"href":"http://bb/a"}}}"#,
        ["{bb}", "Bb", "bbuser", "", "http://bb/a"],
    ),
    (
        "gitee",
        r#"{"id":99,"login":"gitlogin","name":"Gitee","email":"gitee@e.co","avatar_url":"http://gt/a"}"#,
        ["99", "Gitee", "gitlogin", "gitee@e.co", "http://gt/a"],
    ),
    (
        "gitea",
        r#"{"id":98,"login":"gealogin","full_name":"Gea","email":"hidden@e.co","avatar_url":"http://ge/a","active":true}"#,
        ["98", "Gea", "gealogin", "", "http://ge/a"],
    ),
    (
        "discord",
        r#"{"id":"d-id","username":"duser","discriminator":"1234","avatar":"abc","email":"discord@e.co","verified":true}"#,
        [
            "d-id",
            "duser#1234",
            "duser",
            "discord@e.co",
            "https://cdn.discordapp.com/avatars/d-id/abc.png",
        ],
    ),
    (
        "twitter",
        r#"{"data":{"id":"tw-id","name":"Tw","username":"twuser","profile_image_url":"http://tw/a","confirmed_email":"twitter@e.co"}}"#,
        ["tw-id", "Tw", "twuser", "twitter@e.co", "http://tw/a"],
    ),
    (
        "kakao",
        r#"{"id":55,"properties":{"nickname":"knick","profile_image":"http://k/p"},"kakao_account":{"email":"kakao@e.co","is_email_verified":true,"is_email_valid":true}}"#,
        ["55", "", "knick", "kakao@e.co", "http://k/p"],
    ),
    (
        "vk",
        r#"{"response":[{"id":77,"first_name":"Fn","last_name":"Ln","screen_name":"vkscreen","photo_max":"http://vk/p"}]}"#,
        ["77", "Fn Ln", "vkscreen", "", "http://vk/p"],
    ),
    (
        "linear",
        r#"{"data":{"viewer":{"id":"lin-id","displayName":"lin","name":"Lin","email":"linear@e.co","avatarUrl":"http://li/a","active":true}}}"#,
        ["lin-id", "Lin", "lin", "linear@e.co", "http://li/a"],
    ),
    (
        "notion",
        r#"{"object":"user","id":"bot","bot":{"owner":{"type":"user","user":{"id":"not-id","name":"Not","avatar_url":"http://no/a","person":{"email":"notion@e.co"}}}}}"#,
        ["not-id", "Not", "", "notion@e.co", "http://no/a"],
    ),
    (
        "monday",
        r#"{"data":{"me":{"id":"mon-id","enabled":true,"name":"Mon","email":"monday@e.co","is_verified":true,"photo_small":"http://mo/a"}}}"#,
        ["mon-id", "Mon", "", "monday@e.co", "http://mo/a"],
    ),
    (
        "lark",
        r#"{"code":0,"msg":"success","data":{"name":"Lark","avatar_url":"http://la/u","union_id":"la-union","open_id":"o","email":"hidden@e.co"}}"#,
        ["la-union", "Lark", "", "", "http://la/u"],
    ),
    (
        "box",
        r#"{"type":"user","id":"box-id","name":"Box","login":"box@e.co","status":"active","avatar_url":"http://bo/a"}"#,
        ["box-id", "Box", "", "box@e.co", "http://bo/a"],
    ),
    (
        "spotify",
        r#"{"id":"sp-id","display_name":"Sp","email":"hidden@e.co","images":[{"url":"http://sp/1"},{"url":"http://sp/2"}]}"#,
        ["sp-id", "Sp", "", "", "http://sp/1"],
    ),
    (
        "trakt",
        r#"{"user":{"username":"trakuser","name":"Trak","ids":{"slug":"s","uuid":"tr-uuid"},"images":{"avatar":{"full":"http://tr/a"}}}}"#,
        ["tr-uuid", "Trak", "trakuser", "", "http://tr/a"],
    ),
    (
        "twitch",
        r#"{"data":[{"id":"tc-id","login":"tclogin","display_name":"Tc","profile_image_url":"http://tc/a","email":"twitch@e.co"}]}"#,
        ["tc-id", "Tc", "tclogin", "twitch@e.co", "http://tc/a"],
    ),
    (
        "patreon",
        r#"{"data":{"type":"user","id":"pa-id","attributes":{"email":"patreon@e.co","full_name":"Pa","vanity":"pavan","image_url":"http://pa/i","is_email_verified":true}}}"#,
        ["pa-id", "Pa", "pavan", "patreon@e.co", "http://pa/i"],
    ),
    (
        "strava",
        r#"{"id":432,"username":"stuser","firstname":"St","lastname":"Ra","profile":"http://st/p"}"#,
        ["432", "St Ra", "stuser", "", "http://st/p"],
    ),
    (
        "wakatime",
        r#"{"data":{"id":"wk-id","email":"wakatime@e.co","display_name":"Wk","username":"wkuser","photo":"http://wk/p","photo_public":true,"is_email_confirmed":true}}"#,
        ["wk-id", "Wk", "wkuser", "wakatime@e.co", "http://wk/p"],
    ),
    (
        "livechat",
        r#"{"account_id":"lc-id","name":"Lc","email":"livechat@e.co","email_verified":true,"avatar_url":"http://lc/a"}"#,
        ["lc-id", "Lc", "", "livechat@e.co", "http://lc/a"],
    ),
    (
        "mailcow",
        r#"{"success":true,"id":"mc@e.co","username":"mc@e.co","full_name":"Mc","email":"mailcow@e.co","active":1}"#,
        ["mc@e.co", "Mc", "mc", "mailcow@e.co", ""],
    ),
    (
        "planningcenter",
        r#"{"data":{"type":"Person","id":"pc-id","attributes":{"status":"active","name":"Pc","avatar":"http://pc/a"}}}"#,
        ["pc-id", "Pc", "", "", "http://pc/a"],
    ),
    (
        "oidc",
        r#"{"sub":"oi-sub","name":"Oi","preferred_username":"oipref","picture":"http://oi/p","email":"oidc@e.co","email_verified":"true"}"#,
        ["oi-sub", "Oi", "oipref", "oidc@e.co", "http://oi/p"],
    ),
    (
        "apple",
        r#"{"sub":"ap-sub","email":"apple@e.co","email_verified":"true","is_private_email":"true"}"#,
        ["ap-sub", "", "", "apple@e.co", ""],
    ),
];

#[test]
fn users_of_every_service() {
    for (name, user, [id, shown, username, email, picture]) in USERS {
        let expected = Profile {
            id: (*id).into(),
            name: (*shown).into(),
            username: (*username).into(),
            email: (*email).into(),
            avatar_url: (*picture).into(),
        };
        assert_eq!(read(name, user), Ok(expected), "{name}");
    }
}

#[test]
fn emails_that_are_not_verified_do_not_count() {
    for (name, user) in [
        ("google", r#"{"sub":"x","email":"a@b.c"}"#),
        ("gitlab", r#"{"id":1,"email":"a@b.c","confirmed_at":null}"#),
        (
            "gitlab",
            r#"{"id":1,"email":"a@b.c","confirmed_at":"2020-01-01 00:00:00Z"}"#,
        ),
        (
            "gitlab",
            r#"{"id":1,"email":"a@b.c","confirmed_at":"0001-01-01T00:00:00Z"}"#,
        ),
        ("discord", r#"{"id":"x","email":"a@b.c","verified":false}"#),
        (
            "kakao",
            r#"{"id":1,"kakao_account":{"email":"a@b.c","is_email_verified":true}}"#,
        ),
        (
            "monday",
            r#"{"data":{"me":{"id":"x","enabled":true,"email":"a@b.c"}}}"#,
        ),
        (
            "patreon",
            r#"{"data":{"id":"x","attributes":{"email":"a@b.c"}}}"#,
        ),
        ("wakatime", r#"{"data":{"id":"x","email":"a@b.c"}}"#),
        ("livechat", r#"{"account_id":"x","email":"a@b.c"}"#),
        (
            "oidc",
            r#"{"sub":"x","email":"a@b.c","email_verified":"no"}"#,
        ),
        ("apple", r#"{"sub":"x","email":"a@b.c"}"#),
    ] {
        assert_eq!(read(name, user).expect(name).email, "", "{name} {user}");
    }
}

#[test]
fn users_that_are_none_or_inactive_are_refused() {
    for (name, user) in [
        ("google", r#"{"sub":5}"#),
        ("google", r#"{"sub":"x","email_verified":"true"}"#),
        ("github", r#"{"id":"1"}"#),
        ("github", r#"{"id":1.5}"#),
        ("bitbucket", r#"{"uuid":"x","account_status":"inactive"}"#),
        ("gitea", r#"{"id":1}"#),
        ("vk", r#"{"response":[]}"#),
        ("twitch", "{}"),
        ("linear", r#"{"data":{"viewer":{"id":"x","active":false}}}"#),
        ("monday", r#"{"data":{"me":{"id":"x"}}}"#),
        ("box", r#"{"id":"x","status":"inactive"}"#),
        ("mailcow", r#"{"id":"x","active":"1"}"#),
        (
            "planningcenter",
            r#"{"data":{"id":"x","attributes":{"status":"inactive"}}}"#,
        ),
    ] {
        assert!(read(name, user).is_err(), "{name} {user}");
    }
}
