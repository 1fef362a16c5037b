//! The index of interests finds what a plain walk over all filters finds.

use proptest::prelude::*;

use super::*;
use crate::exchange::interest::Interest;

const TYPES: [AlertType; 3] =
    [AlertType::Homelessness, AlertType::MissedEducation, AlertType::TenancyAtRisk];
const PURPOSES: [Purpose; 2] = [Purpose::SafeguardingChild, Purpose::TenancySustainment];

fn area(number: u8) -> crate::domain::Area {
    format!("N{number}").parse().unwrap()
}

fn subscriptions() -> impl Strategy<Value = Vec<(Subscription, bool)>> {
    let one = (
        prop::sample::select(&PURPOSES[..]),
        prop::sample::subsequence(&TYPES[..], 0..=3),
        prop::collection::btree_set((0..4_u8).prop_map(area), 0..3),
        prop::collection::btree_set((0..4_u8).prop_map(token), 0..3),
        any::<bool>(),
    );
    let made = one.prop_map(|(purpose, types, areas, tokens, removed)| {
        let mut asked = subscription("feed", Timestamp::EPOCH);
        asked.purpose = purpose;
        asked.filter = Filter { types: types.into_iter().collect(), areas, tokens };
        (asked, removed)
    });
    prop::collection::vec(made, 0..20)
}

fn drafts() -> impl Strategy<Value = Draft> {
    (
        prop::sample::select(&PURPOSES[..]),
        prop::sample::select(&TYPES[..]),
        prop::option::of((0..4_u8).prop_map(area)),
        prop::collection::vec((0..4_u8).prop_map(token), 0..3),
    )
        .prop_map(|(purpose, kind, area, subject)| {
            let now = Timestamp::EPOCH.plus_days(1);
            Draft { purpose, kind, subject, area, ..draft(now) }
        })
}

proptest! {
    #[test]
    fn the_index_finds_what_a_walk_over_all_filters_finds(
        subscriptions in subscriptions(),
        draft in drafts(),
    ) {
        let mut interest = Interest::default();
        for (index, (subscription, _)) in (0..).zip(&subscriptions) {
            interest.insert(index, subscription);
        }
        for (index, (subscription, removed)) in (0..).zip(&subscriptions) {
            if *removed {
                interest.remove(index, subscription);
            }
        }
        let walk: BTreeSet<u64> = (0..)
            .zip(&subscriptions)
            .filter(|(_, (asked, removed))| {
                !removed && asked.purpose == draft.purpose && asked.filter.matches(&draft)
            })
            .map(|(index, _)| index)
            .collect();
        let found = interest.candidates(&draft).into_iter();
        let matching: BTreeSet<u64> = found
            .filter(|index| {
                subscriptions[usize::try_from(*index).unwrap()].0.filter.matches(&draft)
            })
            .collect();
        prop_assert_eq!(matching, walk);
    }
}
