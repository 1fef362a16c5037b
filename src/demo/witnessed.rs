//! The evidence: every officer exports what it may see, the demo lays it together, and the whole is verified
//! offline, as a stranger would.

use std::{collections::BTreeMap, path::Path};

use super::{DemoError, stage::Stage};
use crate::client::{
    export::{self, Export},
    verify::{self, Trust},
};
use crate::domain::QueryPurpose;
use crate::record::{self, Record};

/// What the exported log says.
#[derive(Debug)]
pub(super) struct Evidence {
    pub(super) origin: String,
    pub(super) size: u64,
    pub(super) root: String,
    /// Every record, by index.
    pub(super) records: BTreeMap<u64, Record>,
}

pub(super) async fn export(stage: &Stage, dir: &Path) -> Result<Evidence, DemoError> {
    let purpose = QueryPurpose::Lawfulness;
    let mut officers = stage.officers.values();
    let first =
        officers.next().ok_or_else(|| DemoError::Task("there are no officers".to_owned()))?;
    // A read of the log brings into it what was refused and only counted until then.
    first.show_record(0, purpose).await?;
    let mut export = Export::gather(first, purpose).await?;
    for officer in officers {
        export.add(officer, purpose).await?;
    }
    export::write(dir, &export, async |size, manifest| {
        Ok(first.seal_export(size, manifest, purpose).await?.note)
    })
    .await?;
    let verified = verify::verify(dir, &Trust::key(first.identity().log().clone()), None)?;
    let mut records = BTreeMap::new();
    for (index, stored) in &export.records {
        let record = record::decode(&stored.record)
            .map_err(|error| DemoError::Task(format!("record {index}: {error}")))?;
        records.insert(*index, record);
    }
    Ok(Evidence {
        origin: verified.origin,
        size: verified.size,
        root: verified.root.to_string(),
        records,
    })
}
