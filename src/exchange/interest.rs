//! Which subscriptions an alert may concern, found without looking at the others: the cost of a
//! publish grows with the matches, not with the subscribers.

use std::collections::{BTreeSet, HashMap};

use crate::domain::{AlertType, Area, Draft, Purpose, SubjectToken, Subscription};

/// An index of subscriptions by what they name.
#[derive(Debug, Default)]
pub(super) struct Interest {
    by_area: HashMap<(Purpose, AlertType, Area), BTreeSet<u64>>,
    by_token: HashMap<(Purpose, SubjectToken), BTreeSet<u64>>,
}

impl Interest {
    pub(super) fn insert(&mut self, index: u64, subscription: &Subscription) {
        for key in areas(subscription) {
            self.by_area.entry(key).or_default().insert(index);
        }
        for key in tokens(subscription) {
            self.by_token.entry(key).or_default().insert(index);
        }
    }

    pub(super) fn remove(&mut self, index: u64, subscription: &Subscription) {
        for key in areas(subscription) {
            if let Some(set) = self.by_area.get_mut(&key) {
                set.remove(&index);
                if set.is_empty() {
                    self.by_area.remove(&key);
                }
            }
        }
        for key in tokens(subscription) {
            if let Some(set) = self.by_token.get_mut(&key) {
                set.remove(&index);
                if set.is_empty() {
                    self.by_token.remove(&key);
                }
            }
        }
    }

    /// Finds the subscriptions that name the alert's area or one of its tokens. Those found by a
    /// token may name other types: the filter itself has the last word.
    pub(super) fn candidates(&self, draft: &Draft) -> BTreeSet<u64> {
        let mut found = BTreeSet::new();
        if let Some(area) = &draft.area {
            let key = (draft.purpose, draft.kind, area.clone());
            found.extend(self.by_area.get(&key).into_iter().flatten());
        }
        for token in &draft.subject {
            found.extend(self.by_token.get(&(draft.purpose, *token)).into_iter().flatten());
        }
        found
    }
}

fn areas(subscription: &Subscription) -> impl Iterator<Item = (Purpose, AlertType, Area)> {
    let filter = &subscription.filter;
    filter.types.iter().flat_map(move |kind| {
        filter.areas.iter().map(move |area| (subscription.purpose, *kind, area.clone()))
    })
}

fn tokens(subscription: &Subscription) -> impl Iterator<Item = (Purpose, SubjectToken)> {
    subscription.filter.tokens.iter().map(|token| (subscription.purpose, *token))
}
