//! Who is at the other end: the peer, or what a trusted proxy says about it.

use std::net::IpAddr;

use crate::http::Request;

impl Request {
    /// The client's address. `trusted` names the headers a proxy in front of this server sets, in order of preference;
    /// the first one present decides, by its last line, whose rightmost valid address counts (`leftmost`: the first).
    /// Without a trusted header it is the peer's. IPv6 is written in full (`0000:…:0001`), one text per address.
    pub fn client_address<S: AsRef<str>>(&self, trusted: &[S], leftmost: bool) -> String {
        trusted
            .iter()
            .find_map(|name| {
                let name = name.as_ref().to_ascii_lowercase();
                let line = self.last_header(&name)?;
                let mut addresses = line
                    .split(',')
                    .filter_map(|part| part.trim().parse::<IpAddr>().ok());
                if leftmost {
                    addresses.next()
                } else {
                    addresses.next_back()
                }
            })
            .or_else(|| self.remote_address.parse().ok())
            .map_or_else(|| self.remote_address.clone(), full)
    }

    fn last_header(&self, name: &str) -> Option<&str> {
        self.headers.lines().rev().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            (key == name && !value.trim().is_empty()).then_some(value)
        })
    }
}

fn full(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => v6
            .segments()
            .map(|segment| format!("{segment:04x}"))
            .to_vec()
            .join(":"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &str) -> Request {
        Request {
            method: "GET".into(),
            path: "/".into(),
            query: String::new(),
            headers: headers.into(),
            body: Vec::new(),
            route: String::new(),
            params: Vec::new(),
            identity: None,
            remote_address: "127.0.0.1".into(),
        }
    }

    #[test]
    fn only_trusted_headers_count() {
        let request = request("x-forwarded-for: 9.9.9.9, 1.2.3.4\nx-real-ip: 7.7.7.7\n");
        assert_eq!(request.client_address::<&str>(&[], false), "127.0.0.1");
        assert_eq!(
            request.client_address(&["X-Forwarded-For"], false),
            "1.2.3.4"
        );
        assert_eq!(
            request.client_address(&["X-Forwarded-For"], true),
            "9.9.9.9"
        );
        assert_eq!(
            request.client_address(&["X-Missing", "X-Real-IP"], false),
            "7.7.7.7"
        );
    }

    #[test]
    fn junk_falls_back_and_ipv6_is_written_in_full() {
        assert_eq!(
            request("x-forwarded-for: junk\n").client_address(&["X-Forwarded-For"], false),
            "127.0.0.1"
        );
        assert_eq!(
            request("x-forwarded-for: ::1\n").client_address(&["X-Forwarded-For"], false),
            "0000:0000:0000:0000:0000:0000:0000:0001"
        );
    }
}
