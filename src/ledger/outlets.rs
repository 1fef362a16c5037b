//! The outlets of open streams, and of streams that have ended on a connection that has not: what such a
//! stream was given may still wait above the socket, where a withdrawal has to reach it (P4).

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use super::{Outlet, StreamKey};
use crate::domain::{AgencyId, Bars};

/// Every outlet through which something may still leave.
#[derive(Debug, Default)]
pub(super) struct Outlets {
    /// By subscription.
    open: HashMap<u64, Open>,
    /// By connection and subscription: one outlet of a connection is enough to cut it.
    ended: HashMap<(u64, u64), Open>,
}

/// The outlet of a stream.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) stream: u64,
    pub(super) agency: AgencyId,
    pub(super) outlet: Arc<dyn Outlet>,
}

impl Outlets {
    /// Returns the outlet of the subscription's open stream.
    pub(super) fn open(&self, subscription: u64) -> Option<&Open> {
        self.open.get(&subscription)
    }

    /// Takes in a stream; returns the outlet of the one whose place it takes.
    pub(super) fn begin(&mut self, subscription: u64, open: Open) -> Option<Arc<dyn Outlet>> {
        let fenced = self.end(subscription);
        self.open.insert(subscription, open);
        fenced
    }

    /// Lets go of the subscription's open stream and returns its outlet, to be told so.
    pub(super) fn end(&mut self, subscription: u64) -> Option<Arc<dyn Outlet>> {
        let open = self.open.remove(&subscription)?;
        let outlet = Arc::clone(&open.outlet);
        self.ended.retain(|_, it| !it.outlet.is_over());
        self.ended.insert((outlet.connection(), subscription), open);
        Some(outlet)
    }

    /// Lets go of every open stream and returns their outlets.
    pub(super) fn end_all(&mut self) -> Vec<Arc<dyn Outlet>> {
        let subscriptions: Vec<u64> = self.open.keys().copied().collect();
        subscriptions.into_iter().filter_map(|it| self.end(it)).collect()
    }

    /// Lists those of the subscription's streams that have ended.
    pub(super) fn ended_of(&self, subscription: u64) -> Vec<Arc<dyn Outlet>> {
        let theirs = self.ended.iter().filter(|((_, of), _)| *of == subscription);
        theirs.map(|(_, it)| Arc::clone(&it.outlet)).filter(|it| !it.is_over()).collect()
    }

    /// Takes out every stream that has ended, to be cut.
    pub(super) fn take_ended(&mut self) -> Vec<Arc<dyn Outlet>> {
        let ended = std::mem::take(&mut self.ended).into_values();
        ended.map(|it| it.outlet).filter(|it| !it.is_over()).collect()
    }

    /// Takes out every stream on a connection that is barred, open or ended, to be cut.
    pub(super) fn take_barred(&mut self, bars: &Bars) -> Vec<(StreamKey, Arc<dyn Outlet>)> {
        let open = self.open.extract_if(|_, it| it.outlet.is_barred(bars));
        let ended = self.ended.extract_if(|_, it| it.outlet.is_barred(bars));
        let all = open.chain(ended.map(|((_, subscription), it)| (subscription, it)));
        all.map(|(subscription, it)| (StreamKey { subscription, id: it.stream }, it.outlet))
            .collect()
    }

    /// Takes out those streams that have ended of subscriptions, by their indexes, to be cut.
    pub(super) fn take_ended_where(&mut self, of: impl Fn(u64) -> bool) -> Vec<Arc<dyn Outlet>> {
        let theirs = self.ended.extract_if(|(_, subscription), _| of(*subscription));
        theirs.map(|(_, it)| it.outlet).filter(|it| !it.is_over()).collect()
    }

    /// Takes out those of the agencies' streams that have ended, to be cut.
    pub(super) fn take_ended_of(&mut self, agencies: &BTreeSet<AgencyId>) -> Vec<Arc<dyn Outlet>> {
        let theirs = self.ended.extract_if(|_, it| agencies.contains(&it.agency));
        theirs.map(|(_, it)| it.outlet).filter(|it| !it.is_over()).collect()
    }
}
