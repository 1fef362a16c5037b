//! Strategies for random values of the domain, for the property tests of the rooms above. Each value is
//! valid in its parts; whether the parts agree with one another is up to the test.

mod agreement;
mod alert;

use std::{collections::BTreeSet, fmt::Debug, str::FromStr};

use proptest::{collection::btree_set, prelude::*, sample::select};

use super::{AgencyId, Caller, Fields, Fingerprint, Name, Seat, Timestamp, fields::Field};

pub(crate) use agreement::agreement;
pub(crate) use alert::{alert_id, area, draft, staff, token, view};

/// One member of a closed list.
pub(crate) fn one<T: Clone + Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    select(all)
}

/// Some members of a closed list, `least` or more.
pub(crate) fn some<T: Clone + Debug + Ord + 'static>(
    all: &'static [T],
    least: usize,
) -> impl Strategy<Value = BTreeSet<T>> {
    btree_set(select(all), least..=all.len().min(least + 6))
}

/// Any set of fields.
pub(crate) fn fields() -> impl Strategy<Value = Fields> {
    btree_set(select(Field::ALL), 0..=Field::ALL.len()).prop_map(|set| set.into_iter().collect())
}

/// Any moment.
pub(crate) fn moment() -> impl Strategy<Value = Timestamp> {
    any::<u64>().prop_map(|ms| Timestamp::from_ms(ms % 300_000_000_000_000))
}

/// An id or a reference that follows `pattern`.
pub(crate) fn named<T>(pattern: &'static str) -> impl Strategy<Value = T>
where
    T: FromStr + Debug,
    T::Err: Debug,
{
    pattern.prop_map(|text: String| text.parse().expect("the pattern is within the rule"))
}

/// Any agency.
pub(crate) fn agency() -> impl Strategy<Value = AgencyId> {
    named("[a-z][a-z0-9-]{2,31}")
}

/// Any name.
pub(crate) fn name() -> impl Strategy<Value = Name> {
    named("[a-z0-9][a-z0-9-]{0,63}")
}

/// Anybody.
pub(crate) fn caller() -> impl Strategy<Value = Caller> {
    let seat = prop_oneof![
        (agency(), name()).prop_map(|(agency, id)| Seat::Officer { agency, id }),
        name().prop_map(|id| Seat::Auditor { id }),
        name().prop_map(|id| Seat::Operator { id }),
        (agency(), name()).prop_map(|(agency, name)| Seat::Service { agency, name }),
    ];
    (seat, any::<[u8; 32]>())
        .prop_map(|(seat, hash)| Caller { seat, certificate: Fingerprint(hash) })
}
