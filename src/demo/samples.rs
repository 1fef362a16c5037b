//! What is played: the project's own samples, or other extracts of the same shape.

use std::{fs, path::Path};

use super::DemoError;
use crate::adapters::{agreement, csv::Map, subscription};
use crate::domain::{AgencyId, Agreement, Subscription, Timestamp};

macro_rules! agencies {
    ($($name:literal),+ $(,)?) => {
        [$((
            $name,
            include_str!(concat!("../../config/adapters/", $name, ".toml")),
            include_str!(concat!("../../config/demo/extracts/", $name, ".csv")),
        )),+]
    };
}

/// Each agency's name, map and extract.
const AGENCIES: [(&str, &str, &str); 10] = agencies![
    "children-services",
    "council-asb",
    "emergency-department",
    "fire",
    "homeless-outreach",
    "housing",
    "mental-health",
    "police",
    "probation",
    "substance-misuse",
];

const AGREEMENTS: [(&str, &str); 7] = [
    ("adult-safeguarding", include_str!("../../config/demo/agreements/adult-safeguarding.toml")),
    ("child-safeguarding", include_str!("../../config/demo/agreements/child-safeguarding.toml")),
    ("crime-and-disorder", include_str!("../../config/demo/agreements/crime-and-disorder.toml")),
    ("domestic-abuse", include_str!("../../config/demo/agreements/domestic-abuse.toml")),
    ("health-and-care", include_str!("../../config/demo/agreements/health-and-care.toml")),
    ("homes", include_str!("../../config/demo/agreements/homes.toml")),
    ("reoffending", include_str!("../../config/demo/agreements/reoffending.toml")),
];

const SUBSCRIPTIONS: &str = include_str!("../../config/demo/subscriptions.toml");

/// What is played.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) extracts: Vec<Extract>,
    pub(super) agreements: Vec<Agreement>,
}

/// One agency's extract.
#[derive(Debug)]
pub(super) struct Extract {
    pub(super) agency: AgencyId,
    pub(super) map: Map,
    pub(super) text: Vec<u8>,
}

impl Parts {
    pub(super) fn bytes(&self) -> usize {
        self.extracts.iter().map(|extract| extract.text.len()).sum()
    }
}

/// What each agency's system asks for: for half a year.
pub(super) fn subscriptions(now: Timestamp) -> Result<Vec<(AgencyId, Subscription)>, DemoError> {
    subscription::parse(SUBSCRIPTIONS, now.plus_days(180))
        .map_err(|source| DemoError::Document { name: "subscriptions".to_owned(), source })
}

pub(super) fn read(data: Option<&Path>) -> Result<Parts, DemoError> {
    let mut extracts = Vec::new();
    for (name, map, own) in AGENCIES {
        let wrong = |source| DemoError::Document { name: name.to_owned(), source };
        let map = Map::parse(map).map_err(wrong)?;
        let text = match data {
            None => own.as_bytes().to_vec(),
            Some(dir) => {
                let path = dir.join(format!("{name}.csv"));
                fs::read(&path)
                    .map_err(|error| DemoError::Directory { path, what: error.to_string() })?
            }
        };
        extracts.push(Extract { agency: map.agency().clone(), map, text });
    }
    let mut agreements = Vec::new();
    for (name, text) in AGREEMENTS {
        let wrong = |source| DemoError::Document { name: name.to_owned(), source };
        agreements.push(agreement::parse(text).map_err(wrong)?);
    }
    Ok(Parts { extracts, agreements })
}
