//! Which records an event refers to for what it does not say itself.

use smallvec::{SmallVec, smallvec};

use super::{Event, RightsEvent};

/// Indexes of records.
pub type References = SmallVec<[u64; 4]>;

impl Event {
    /// Returns the indexes of the records without which it would not be known what the event is about, or whose
    /// system it came from: whoever reads the record has to find them.
    pub fn references(&self) -> References {
        match self {
            Self::Acknowledged { subscription, .. }
            | Self::NumberSkipped { subscription, .. }
            | Self::StreamOpened { subscription, .. }
            | Self::SubscriptionDeleted { subscription, .. } => smallvec![*subscription],
            Self::AgreementApproved(act) | Self::AgreementWithdrawn(act) => smallvec![act.proposed],
            Self::Disclosed(it) => {
                smallvec![it.published, it.agreement, it.subscription, it.opened]
            }
            Self::Published(it) => smallvec![it.agreement],
            Self::Redelivered { disclosed, opened, .. } => smallvec![*disclosed, *opened],
            Self::Refused(it) => {
                [it.agreement, it.published, it.subscription].into_iter().flatten().collect()
            }
            Self::Rights(it) => {
                let pulled = match it {
                    RightsEvent::NoticeAcknowledged(step) | RightsEvent::NoticeSent(step) => {
                        Some(step.pulled)
                    }
                    RightsEvent::AlertRecalled { .. }
                    | RightsEvent::AlertRestricted { .. }
                    | RightsEvent::NoticesDue(_)
                    | RightsEvent::NoticesPulled { .. }
                    | RightsEvent::ObjectionAnswered(_)
                    | RightsEvent::ObjectionRecorded { .. }
                    | RightsEvent::RestrictionLifted { .. } => None,
                };
                it.alert().map(|alert| alert.published).into_iter().chain(pulled).collect()
            }
            Self::Access(_)
            | Self::AgreementProposed { .. }
            | Self::Barred { .. }
            | Self::BrokerStarted { .. }
            | Self::CertificateIssued(_)
            | Self::Consulted { .. }
            | Self::Exported { .. }
            | Self::KeyRotated { .. }
            | Self::LogRestored(_)
            | Self::LogStarted { .. }
            | Self::Reloaded(_)
            | Self::Retention(_)
            | Self::SnapshotTaken(_)
            | Self::SubscriptionCreated { .. }
            | Self::TailCut { .. } => smallvec![],
        }
    }
}
