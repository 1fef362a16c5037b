//! Names and references, parsed once. Their errors repeat no input.

use std::{fmt, str::FromStr, sync::Arc};

use uuid::Uuid;

/// A name that breaks its rule.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a valid {what}: {rule}")]
pub struct InvalidId {
    /// What it should have been.
    pub what: &'static str,
    /// The rule.
    pub rule: &'static str,
}

macro_rules! id {
    ($(#[$meta:meta])* $name:ident, $what:literal, $rule:literal, $valid:expr) => {
        $(#[$meta])*
        #[doc = concat!("\n\nRule: ", $rule, ".")]
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(InvalidId { what: $what, rule: $rule })
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id! {
    /// The name of an agency, as it stands in certificates, agreements and records. It is a path
    /// segment of the SAN URI, so nothing that would need escaping may pass.
    AgencyId, "agency id", "3 to 32 of a-z, 0-9 and -, a letter first",
    |text| (3..=32).contains(&text.len()) && starts_with_letter(text) && text.bytes().all(is_plain)
}
id! {
    /// The name of a sharing agreement.
    AgreementId, "agreement id", "3 to 64 of a-z, 0-9 and -, a letter first",
    |text| (3..=64).contains(&text.len()) && starts_with_letter(text) && text.bytes().all(is_plain)
}
id! {
    /// The name of a subscription, a service, an officer or an operator.
    Name, "name", "1 to 64 of a-z, 0-9 and -, a letter or digit first",
    |text| (1..=64).contains(&text.len()) && !text.starts_with('-') && text.bytes().all(is_plain)
}

impl Name {
    /// Returns the name of whoever runs the broker and asks on its own machine.
    pub(super) fn local() -> Self {
        Self("local".into())
    }
}

id! {
    /// The SPIFFE trust domain that all agencies of one exchange stand in.
    TrustDomain, "trust domain", "1 to 255 of a-z, 0-9, ., - and _",
    |text| (1..=255).contains(&text.len())
        && text.bytes().all(|b| is_plain(b) || matches!(b, b'.' | b'_'))
}
id! {
    /// A coded area, such as a postcode district.
    Area, "area", "2 to 12 of A-Z, 0-9 and -",
    |text| (2..=12).contains(&text.len())
        && text.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'0'..=b'9' | b'-'))
}
id! {
    /// The publisher's own case reference, opaque to everybody else.
    CaseReference, "case reference", "1 to 40 of printable ASCII without spaces",
    |text| (1..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

id! {
    /// A member of staff as their own agency knows them, such as by payroll or warrant number: opaque to
    /// everybody else, and never a name or an address, which is why it needs a digit.
    StaffReference, "staff reference", "3 to 32 of letters, digits, ., _, / and -, at least one digit",
    |text| (3..=32).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._/-".contains(&b))
        && text.bytes().any(|b| b.is_ascii_digit())
}

fn starts_with_letter(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
}

const fn is_plain(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')
}

/// The id of an alert: the UUIDv7 (RFC 9562 §5.7) that its publisher made as request id.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AlertId(Uuid);

impl AlertId {
    /// Reads the 16 bytes of a record.
    ///
    /// # Errors
    ///
    /// `InvalidId` where they are not a UUIDv7.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidId> {
        Uuid::from_slice(bytes).map_err(|_| INVALID_ALERT_ID).and_then(Self::checked)
    }

    /// Returns the 16 bytes that stand in a record.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// Returns when its maker says it was made, in milliseconds since 1970.
    pub fn made_at_ms(&self) -> u64 {
        self.0.as_bytes().iter().take(6).fold(0, |ms, byte| ms << 8 | u64::from(*byte))
    }

    fn checked(uuid: Uuid) -> Result<Self, InvalidId> {
        if uuid.get_version_num() == 7 && uuid.get_variant() == uuid::Variant::RFC4122 {
            Ok(Self(uuid))
        } else {
            Err(INVALID_ALERT_ID)
        }
    }
}

const INVALID_ALERT_ID: InvalidId =
    InvalidId { what: "request id", rule: "a UUIDv7 in lower-case text form" };

impl FromStr for AlertId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let uuid = Uuid::try_parse(text).map_err(|_| INVALID_ALERT_ID)?;
        // One text form only: otherwise one alert would have two names.
        if uuid.hyphenated().to_string() == text {
            Self::checked(uuid)
        } else {
            Err(INVALID_ALERT_ID)
        }
    }
}

impl fmt::Display for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_would_need_escaping_is_an_agency() {
        for bad in ["", "ab", "Police", "a/b", "a%2f", "-abc", "1ab", "ab*", "*", "å-agency"] {
            bad.parse::<AgencyId>().expect_err(bad);
        }
        assert_eq!("council-asb".parse::<AgencyId>().unwrap().as_str(), "council-asb");
    }

    #[test]
    fn a_staff_reference_is_a_number_and_never_a_name() {
        for good in ["PC-1234", "W/0042", "ab1", "0012345"] {
            assert_eq!(good.parse::<StaffReference>().expect(good).as_str(), good);
        }
        let long = "1".repeat(33);
        for bad in
            ["", "a1", "Smith", "Jo Smith 7", "jo7@example.org", "O'Brien1", "Müller1", &long]
        {
            bad.parse::<StaffReference>().expect_err(bad);
        }
    }

    #[test]
    fn a_request_id_is_a_uuid_v7_in_one_form() {
        let good = "01920000-0000-7abc-8def-0123456789ab";
        assert_eq!(good.parse::<AlertId>().unwrap().to_string(), good);
        assert_eq!(good.parse::<AlertId>().unwrap().made_at_ms(), 0x0192_0000_0000);
        for bad in [
            "01920000-0000-4abc-8def-0123456789ab",
            "01920000-0000-7ABC-8def-0123456789ab",
            "0192000000007abc8def0123456789ab",
            "{01920000-0000-7abc-8def-0123456789ab}",
        ] {
            bad.parse::<AlertId>().expect_err(bad);
        }
    }
}
