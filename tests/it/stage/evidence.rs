//! What stands in the log, as officers see it, and what a refusal has to look like.

use portway::{
    client::Connection,
    domain::{Act, QueryPurpose, Reason},
    record::{self, Event},
};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::{Role, Stage};

/// A refusal that is due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due {
    pub(crate) code: Code,
    pub(crate) reason: Reason,
    pub(crate) act: Act,
}

impl Due {
    /// Checks what the caller was told, and returns the index of the record that it names.
    pub(crate) fn check_said(self, status: &Status) -> u64 {
        assert_eq!(status.code(), self.code, "{status:?}");
        let info = status.get_details_error_info().expect("ErrorInfo");
        assert_eq!(info.domain, "portway");
        assert_eq!(info.reason, self.reason.code());
        let decision = info.metadata.get("decision").expect("the index of its record");
        decision.parse().expect("an index")
    }

    /// Checks what the caller was told, and that the officer finds the same in the log.
    pub(crate) async fn check(self, stage: &Stage, officer: &str, status: &Status) {
        let decision = self.check_said(status);
        let officer = stage.connect(officer, Role::Officer).await;
        let shown = officer.show_record(decision, QueryPurpose::Lawfulness).await.unwrap();
        let record = record::decode(&shown.record.unwrap().record).unwrap();
        let Event::Refused(refused) = record.event else { panic!("{record:?}") };
        assert_eq!((refused.act, refused.reason), (self.act, self.reason));
        assert_eq!((refused.suppressed, refused.published), (0, None));
        assert!(refused.by.is_some(), "by whom it was asked");
    }
}

/// Returns every record that an officer may see now, decoded, with its index.
pub(crate) async fn events(officer: &Connection) -> Vec<(u64, Event)> {
    let size = size(officer).await;
    let mut events = Vec::new();
    let take = |shown: portway::pb::v1::LogRecord| {
        events.push((shown.index, record::decode(&shown.record).unwrap().event));
    };
    officer.export_records(size, QueryPurpose::Lawfulness, take).await.unwrap();
    events
}

/// Returns the size of the log.
pub(crate) async fn size(connection: &Connection) -> u64 {
    connection.checkpoint().await.unwrap().size()
}
