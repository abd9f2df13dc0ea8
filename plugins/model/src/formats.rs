//! What counts as an email address, a URL and a domain.

/// Whether the text is an email address: dot-separated atoms, `@`, and a domain of at least two labels that ends in
/// letters. No quoted parts, no IP addresses.
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let atom = |part: &str| {
        !part.is_empty()
            && part.chars().all(|letter| {
                letter.is_ascii_alphanumeric()
                    || "!#$%&'*+/=?^_`{|}~-".contains(letter)
                    || is_foreign(letter)
            })
    };
    local.split('.').all(atom)
        && domain.contains('.')
        && ends_in_letters(domain)
        && domain.split('.').all(is_label)
}

/// A letter beyond ASCII and its control characters.
fn is_foreign(letter: char) -> bool {
    letter >= '\u{a0}'
}

fn is_inner(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || is_foreign(letter) || "-_~".contains(letter)
}

/// One part of a domain: letters and digits at both ends, also hyphens and underscores within.
fn is_label(label: &str) -> bool {
    let end = |letter: Option<char>| {
        letter.is_some_and(|letter| letter.is_ascii_alphanumeric() || is_foreign(letter))
    };
    end(label.chars().next()) && end(label.chars().last()) && label.chars().all(is_inner)
}

/// Whether the last label begins and ends with a letter.
fn ends_in_letters(domain: &str) -> bool {
    let last = domain.rsplit('.').next().unwrap_or_default();
    let letter = |letter: Option<char>| {
        letter.is_some_and(|letter| letter.is_ascii_alphabetic() || is_foreign(letter))
    };
    letter(last.chars().next()) && letter(last.chars().last())
}

/// Whether the text is a domain name of at least two labels.
pub fn is_domain(text: &str) -> bool {
    let plain = |label: &str| {
        label.len() <= 63
            && is_label(label)
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.len() <= 253 && text.contains('.') && ends_in_letters(text) && text.split('.').all(plain)
}

const SCHEMES: [&str; 8] = [
    "http://", "https://", "ftp://", "ws://", "wss://", "tcp://", "udp://", "irc://",
];

/// Whether the text is a URL: an optional scheme in lower case, optional user info, a host with optional port, and
/// anything without white space behind it. A host without a dot needs a scheme or a port.
pub fn is_url(text: &str) -> bool {
    if text.len() <= 3
        || text.len() >= 2083
        || text.starts_with('.')
        || text.chars().any(char::is_whitespace)
    {
        return false;
    }
    let scheme = SCHEMES.into_iter().find(|scheme| text.starts_with(scheme));
    let authority = authority(text);
    let (userinfo, host) = match authority.rsplit_once('@') {
        Some((userinfo, host)) => (Some(userinfo), host),
        None => (None, authority),
    };
    if userinfo == Some("") {
        return false;
    }
    if let Some(inner) = host.strip_prefix('[') {
        let Some((address, port)) = inner.split_once(']') else {
            return false;
        };
        return address.parse::<std::net::Ipv6Addr>().is_ok()
            && (port.is_empty() || is_port(port.strip_prefix(':')));
    }
    let (name, port) = match host.split_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (host, None),
    };
    if port.is_some() && !is_port(port) {
        return false;
    }
    if scheme.is_none() && port.is_none() && !name.contains('.') {
        return false;
    }
    is_host(name)
}

fn is_port(port: Option<&str>) -> bool {
    port.is_some_and(|port| {
        (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn is_host(name: &str) -> bool {
    if name.parse::<std::net::Ipv4Addr>().is_ok() {
        return true;
    }
    name.split('.').all(is_label) && (!name.contains('.') || ends_in_letters(name))
}

/// The part between scheme and path.
fn authority(text: &str) -> &str {
    let rest = SCHEMES
        .into_iter()
        .find_map(|scheme| text.strip_prefix(scheme))
        .unwrap_or(text);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// The host of a URL with its port, as PocketBase compares it with domain lists. Empty without a scheme.
pub fn url_host(text: &str) -> &str {
    if !SCHEMES.into_iter().any(|scheme| text.starts_with(scheme)) {
        return "";
    }
    let authority = authority(text);
    authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emails_as_pocketbase() {
        for (text, valid) in [
            ("a@b.c", true),
            ("A@B.com", true),
            ("é@b.com", true),
            ("a@é.com", true),
            ("a@b", false),
            ("a b@c.com", false),
            ("a@b.com ", false),
            ("\"a b\"@c.com", false),
            ("a@[1.2.3.4]", false),
            ("a@b..com", false),
            ("a@-b.com", false),
            ("a.@b.com", false),
            (".a@b.com", false),
            ("a@b.c1", false),
        ] {
            assert_eq!(is_email(text), valid, "{text}");
        }
    }

    #[test]
    fn urls_as_pocketbase() {
        for (text, valid) in [
            ("http://a.com", true),
            ("https://a", true),
            ("a.com", true),
            ("ftp://a.com", true),
            ("http://localhost:80/x?y#z", true),
            ("mailto:a@b.c", true),
            ("http://é.com", true),
            ("http://[::1]", true),
            ("http://a_b.com", true),
            ("http://a.com:99999", true),
            ("http://1.2.3.4", true),
            ("http://user:p@a.com/", true),
            ("http://a.com/<>", true),
            ("www.a.com", true),
            ("http://", false),
            ("http://a b", false),
            ("//a.com", false),
            ("http://a..b", false),
            ("http://-a.com", false),
            ("HTTP://A.com", false),
            ("x://a.com", false),
            ("javascript:alert(1)", false),
            ("http://a.com/é è", false),
            ("http://a.123", false),
            ("http://999.1.1.1", false),
            ("a", false),
            ("localhost", false),
        ] {
            assert_eq!(is_url(text), valid, "{text}");
        }
    }
}
