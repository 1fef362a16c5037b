//! A partnership's auditor: sees every record and no content, and proves and exports for every agency.

use std::collections::BTreeSet;

use portway::{
    client::{
        export::{self, Export},
        verify::{self, Trust},
    },
    domain::{AgencyId, QueryPurpose, Seat},
    pb::v1 as pb,
    record::{self, Event},
};

use crate::stage::{Cli, Role, Stage, draft, events, now};

const PURPOSE: QueryPurpose = QueryPurpose::IntegrityAndSecurity;

async fn recorded() -> Stage {
    let stage = Stage::start();
    stage.agree().await;
    for agency in ["council", "housing"] {
        stage.subscribe(agency).await;
    }
    let police = stage.connect("police", Role::Service).await;
    for _ in 0..2 {
        police.publish(draft(now()), None).await.unwrap();
    }
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_sees_every_record_and_officers_see_that_it_did() {
    let stage = recorded().await;
    let auditor = stage.connect("", Role::Auditor).await;
    let seen = events(&auditor).await;
    let mut due = BTreeSet::new();
    for agency in ["police", "council", "housing"] {
        let officer = stage.connect(agency, Role::Officer).await;
        due.extend(events(&officer).await.into_iter().map(|(index, _)| index));
    }
    let size = seen.last().unwrap().0;
    due.retain(|index| *index <= size);
    assert_eq!(seen.iter().map(|(index, _)| *index).collect::<BTreeSet<_>>(), due);

    // What it read is open to every officer, also to those of whom it read nothing.
    let officer = stage.connect("fire", Role::Officer).await;
    let reads = events(&officer).await.into_iter().filter(|(_, event)| {
        matches!(event, Event::Consulted { by, .. } if matches!(by.seat, Seat::Auditor { .. }))
    });
    assert_eq!(reads.count(), 1);
}

/// No record holds content, and the auditor is shown nothing but records.
#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_is_shown_no_content() {
    let stage = recorded().await;
    let auditor = Cli::of(&stage, "", Role::Auditor);
    let shown = auditor.run(["audit", "query", "--kind", "PUBLISHED", "--json", "--all"]).done();
    assert_eq!(shown.lines().count(), 2);
    let hidden = draft(now());
    let contact = hidden.contact.unwrap();
    for word in [&contact.number, &contact.role, &hidden.case_reference] {
        assert!(!shown.contains(word.as_str()), "{word}");
    }
    let stored = shown.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    for shown in stored {
        let bytes = shown["record"]["record"].as_str().unwrap();
        let bytes = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, bytes).unwrap();
        assert!(!bytes.windows(32).any(|it| it == [0x5a; 32]), "a token");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_proves_completeness_for_each_agency() {
    let stage = recorded().await;
    let auditor = stage.connect("", Role::Auditor).await;
    let mut all = 0;
    for agency in ["police", "council", "housing", "fire"] {
        let request = pb::ProveCompleteRequest {
            purpose: PURPOSE.number().into(),
            agency: agency.to_owned(),
            ..pb::ProveCompleteRequest::default()
        };
        let complete = auditor.prove_complete(request).await.expect("complete");
        let closing = complete.claim.closing.unwrap().record.unwrap();
        let Event::Consulted { by, about, .. } = record::decode(&closing.record).unwrap().event
        else {
            panic!("no question");
        };
        assert!(matches!(by.seat, Seat::Auditor { .. }));
        assert_eq!(about, Some(agency.parse::<AgencyId>().unwrap()));
        all += complete.records.len() - 1;
        // The agency's own officers see that it was asked about them, in their own chain.
        let officer = stage.connect(agency, Role::Officer).await;
        let own = officer.prove_complete(pb::ProveCompleteRequest {
            purpose: PURPOSE.number().into(),
            ..pb::ProveCompleteRequest::default()
        });
        let own = own.await.expect("complete");
        assert_eq!(own.records.len(), complete.records.len() + 1);
    }
    // Proposed and approved by three, seen by three; one subscription each of two; two alerts of the police.
    assert_eq!(all, 3 * 4 + 2 + 2);
}

/// With every record there, an auditor's export shows the whole log, linked or not.
#[tokio::test(flavor = "multi_thread")]
async fn an_auditors_export_is_complete_for_every_agency() {
    let stage = recorded().await;
    let auditor = stage.connect("", Role::Auditor).await;
    let export = Export::gather(&auditor, PURPOSE).await.unwrap();
    assert_eq!(export.records.len(), export.entries.len());
    let dir = stage.path("export");
    export::write(&dir, &export, async |size, manifest| {
        Ok(auditor.seal_export(size, manifest, PURPOSE).await?.note)
    })
    .await
    .unwrap();
    let trust = Trust::key(auditor.identity().log().clone());
    let verified = verify::verify(&dir, &trust, None).expect("verifies");
    let complete: Vec<_> = verified.complete.iter().map(|it| it.agency.as_str()).collect();
    assert_eq!(complete, ["council", "housing", "police"]);
}
