//! Where a witness is: its submission prefix, a URL of plain HTTP.

use std::{fmt, str::FromStr};

use http::Uri;

use crate::witness::request::PATH;

/// The place of a witness.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Address {
    host: String,
    port: u16,
    path: String,
}

/// The text is not the URL of a witness.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not of the form http://HOST:PORT, with a path or without")]
pub struct InvalidAddress;

impl Address {
    /// Returns where to connect to.
    pub(super) fn socket(&self) -> (&str, u16) {
        (self.host.trim_start_matches('[').trim_end_matches(']'), self.port)
    }

    /// Returns what the `Host` field says.
    pub(super) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Returns the path of `add-checkpoint`.
    pub(super) fn path(&self) -> &str {
        &self.path
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let uri: Uri = text.parse().map_err(|_| InvalidAddress)?;
        let authority = uri.authority().ok_or(InvalidAddress)?;
        let is_plain = uri.scheme_str() == Some("http")
            && uri.query().is_none()
            && !authority.as_str().contains('@');
        if !is_plain || authority.host().is_empty() {
            return Err(InvalidAddress);
        }
        let (host, port) = (authority.host().to_owned(), authority.port_u16().unwrap_or(80));
        Ok(Self { host, port, path: format!("{}{PATH}", uri.path().trim_end_matches('/')) })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}{}", self.host, self.port, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_read_with_its_path_or_without() {
        for (text, shown) in [
            ("http://w.example:7900", "http://w.example:7900/add-checkpoint"),
            ("http://10.1.2.3:7900/", "http://10.1.2.3:7900/add-checkpoint"),
            ("http://w.example/log/a/", "http://w.example:80/log/a/add-checkpoint"),
            ("http://[::1]:7900", "http://[::1]:7900/add-checkpoint"),
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), shown);
        }
        assert_eq!("http://[::1]:7900".parse::<Address>().unwrap().socket(), ("::1", 7900));
        for text in [
            "",
            "w.example:7900",
            "https://w.example",
            "http://",
            "http://a@b",
            "http://w/?x",
            "/x",
        ] {
            assert_eq!(text.parse::<Address>(), Err(InvalidAddress), "{text}");
        }
    }
}
