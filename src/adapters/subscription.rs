//! Subscriptions as an operator of several agencies' systems writes them: one TOML file, one
//! `[[subscription]]` each. Filters by type and area; tokens of a watch list never stand in a file.

use serde::Deserialize;

use super::document::{DocumentError, one, set, shape};
use crate::domain::{AgencyId, Filter, Subscription, Timestamp};

/// Reads the subscriptions, each with the agency that asks, in the order of the file. All of them end
/// at `expires_at`.
///
/// # Errors
///
/// [`DocumentError`], which names the first key or value that is wrong.
pub fn parse(
    text: &str,
    expires_at: Timestamp,
) -> Result<Vec<(AgencyId, Subscription)>, DocumentError> {
    let raw: RawFile = shape(text)?;
    let read = |(index, raw): (usize, &RawSubscription)| {
        let key = |name: &str| format!("subscription[{index}].{name}");
        let filter = Filter {
            types: set(&key("types"), &raw.types)?,
            areas: set(&key("areas"), &raw.areas)?,
            ..Filter::default()
        };
        let name = one(&key("name"), &raw.name)?;
        let purpose = one(&key("purpose"), &raw.purpose)?;
        let agency = one(&key("agency"), &raw.agency)?;
        Ok((agency, Subscription { name, purpose, filter, expires_at }))
    };
    raw.subscription.iter().enumerate().map(read).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    subscription: Vec<RawSubscription>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSubscription {
    agency: String,
    name: String,
    purpose: String,
    types: Vec<String>,
    areas: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Purpose;

    const SAMPLE: &str = r#"
[[subscription]]
agency = "housing"
name = "crime-and-disorder"
purpose = "CRIME_AND_DISORDER"
types = ["VIOLENCE"]
areas = ["PO1", "PORTSEA"]
"#;

    #[test]
    fn a_subscription_is_read_whole() {
        let end = Timestamp::from_ms(1_800_000_000_000);
        let read = parse(SAMPLE, end).unwrap();
        let [(agency, subscription)] = read.as_slice() else { panic!("one") };
        assert_eq!(agency.as_str(), "housing");
        assert_eq!(subscription.purpose, Purpose::CrimeAndDisorder);
        assert_eq!(subscription.filter.areas.len(), 2);
        assert!(!subscription.filter.is_empty());
        assert_eq!(subscription.expires_at, end);
    }

    #[test]
    fn a_typo_is_named() {
        for (good, bad, named) in [
            ("VIOLENCE", "VIOLENT", "subscription[0].types[0] = \"VIOLENT\": unknown alert type"),
            ("\"PO1\"", "\"po1\"", "subscription[0].areas[0] = \"po1\""),
            ("purpose", "porpoise", "unknown field `porpoise`"),
            ("areas = [\"PO1\", \"PORTSEA\"]", "", "missing field `areas`"),
        ] {
            let said = parse(&SAMPLE.replacen(good, bad, 1), Timestamp::EPOCH).expect_err(bad);
            assert!(said.to_string().contains(named), "{said}");
        }
    }
}
