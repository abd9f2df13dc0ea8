//! The checks that settings are made of. Each answers the error PocketBase gives, or nothing.

use std::net::{IpAddr, Ipv6Addr};

use hangar_model::{FieldError, formats};
use serde_json::json;

/// Result of a check.
pub type Check = Result<(), FieldError>;

/// Not empty.
pub fn required(present: bool) -> Check {
    if present {
        Ok(())
    } else {
        Err(FieldError::new("validation_required", "cannot be blank"))
    }
}

/// At least `least`. Zero means "not given" and passes: whether it may be missing is [`required`]'s business.
pub fn at_least(value: i64, least: i64) -> Check {
    if value == 0 || value >= least {
        return Ok(());
    }
    let error = FieldError::new(
        "validation_min_greater_equal_than_required",
        format!("must be no less than {least}"),
    );
    Err(error.with(json!({"threshold": least})))
}

/// 1 to `most` bytes, as PocketBase counts them.
pub fn length(text: &str, most: usize) -> Check {
    if (1..=most).contains(&text.len()) {
        return Ok(());
    }
    let error = FieldError::new(
        "validation_length_out_of_range",
        format!("the length must be between 1 and {most}"),
    );
    Err(error.with(json!({"min": 1, "max": most})))
}

/// `#rrggbb`, or empty.
pub fn colour(text: &str) -> Check {
    if text.is_empty() {
        return Ok(());
    }
    if text.len() != 7 {
        let error = FieldError::new("validation_length_invalid", "the length must be exactly 7");
        return Err(error.with(json!({"min": 7, "max": 7})));
    }
    match text.strip_prefix('#') {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => Ok(()),
        _ => Err(FieldError::new(
            "validation_is_hex_color",
            "must be a valid hexadecimal color code",
        )),
    }
}

/// One of `allowed`, or empty.
pub fn one_of(text: &str, allowed: &[&str]) -> Check {
    if text.is_empty() || allowed.contains(&text) {
        return Ok(());
    }
    Err(FieldError::new(
        "validation_in_invalid",
        "must be a valid value",
    ))
}

/// A URL, or empty.
pub fn url(text: &str) -> Check {
    if text.is_empty() || formats::is_url(text) {
        return Ok(());
    }
    Err(FieldError::new("validation_is_url", "must be a valid URL"))
}

/// An email address, or empty.
pub fn email(text: &str) -> Check {
    if text.is_empty() || formats::is_email(text) {
        return Ok(());
    }
    Err(FieldError::new(
        "validation_is_email",
        "must be a valid email address",
    ))
}

/// An IP address or a DNS name, or empty.
pub fn host(text: &str) -> Check {
    if text.is_empty() || text.parse::<IpAddr>().is_ok() || is_dns_name(text) {
        return Ok(());
    }
    Err(FieldError::new(
        "validation_is_host",
        "must be a valid IP address or DNS name",
    ))
}

fn is_dns_name(text: &str) -> bool {
    let text = text.strip_suffix(['.', '_']).unwrap_or(text);
    text.len() <= 255
        && text.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
        })
}

/// An IP address or a network (`10.0.0.0/8`).
pub fn network(text: &str) -> Check {
    required(!text.is_empty())?;
    // PocketBase spells the code like this, and clients compare it.
    if is_address(text) || text.split_once('/').is_some_and(is_prefix) {
        Ok(())
    } else {
        Err(FieldError::new(
            "validation_invlaid_ip_or_subnet",
            "invalid IP or CIDR subnet",
        ))
    }
}

/// Of the newer protocol also with a zone: `fe80::1%eth0`.
fn is_address(text: &str) -> bool {
    match text.split_once('%') {
        Some((address, zone)) => !zone.is_empty() && address.parse::<Ipv6Addr>().is_ok(),
        None => text.parse::<IpAddr>().is_ok(),
    }
}

fn is_prefix((address, bits): (&str, &str)) -> bool {
    let most = match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    // Neither a sign nor zeros in front.
    bits.parse::<u8>()
        .is_ok_and(|number| number <= most && number.to_string() == bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(check: Check) -> String {
        check.map_or_else(|error| error.code.into_owned(), |()| String::new())
    }

    #[test]
    fn hosts() {
        for good in [
            "",
            "x",
            "a_b.com",
            "1.2.3",
            "::1",
            "ex-.com",
            "xx.com.",
            "localhost",
            "256.1.1.1",
            "_a",
        ] {
            assert_eq!(code(host(good)), "", "{good}");
        }
        for bad in ["a b", "[::1]", "x..y", "ä.de", "-a"] {
            assert_eq!(code(host(bad)), "validation_is_host", "{bad}");
        }
    }

    #[test]
    fn networks() {
        for good in [
            "1.2.3.4",
            "1.2.3.4/0",
            "::/0",
            "10.0.0.0/8",
            "::ffff:1.2.3.4",
            "fe80::1%eth0",
            "fe80::1%eth0/64",
        ] {
            assert_eq!(code(network(good)), "", "{good}");
        }
        for bad in [
            "1.2.3.4/33",
            "1.2.3.4/08",
            "1.2.3.4/+8",
            "1.2.3.4%eth0",
            "fe80::1%",
            "01.2.3.4",
            "1.2.3",
            " 1.2.3.4",
            "zz",
        ] {
            assert_eq!(
                code(network(bad)),
                "validation_invlaid_ip_or_subnet",
                "{bad}"
            );
        }
        assert_eq!(code(network("")), "validation_required");
    }

    #[test]
    fn colours() {
        assert_eq!(code(colour("#ABCDEF")), "");
        assert_eq!(code(colour("red")), "validation_length_invalid");
        assert_eq!(code(colour("#zzzzzz")), "validation_is_hex_color");
    }
}
