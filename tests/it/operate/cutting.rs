//! How soon whoever may not take part any more is cut, and whether anybody comes back: with an open stream, views that
//! wait for it, and sessions to resume. `tests/campaigns/revocation.sh` cuts many and looks at the times.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use portway::{
    client::Operator,
    domain::Timestamp,
    pb::v1::{
        self as pb, subscribe_request::Message as Ask, subscribe_response::Message as Answer,
    },
    record::Event,
};
use rcgen::{
    CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio::time::Instant;

use super::{number, say};
use crate::stage::{
    Door, Role, SUBSCRIPTION, Speaker, Stage, Talk, crl, draft, events, fingerprint, in_force, now,
    open, put,
};

/// How many are cut where nothing else is said: each kind once.
const FEW: u64 = 5;
/// How often each tries to come back.
const ATTEMPTS: u64 = 10;

/// In what way somebody is kept from taking part.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Way {
    Agency,
    Authority,
    Certificate,
    Expiry,
    List,
}

const WAYS: [Way; 5] = [Way::Certificate, Way::Agency, Way::List, Way::Expiry, Way::Authority];

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_take_part_is_cut_and_does_not_come_back() {
    let count = number("PORTWAY_CUTS", FEW);
    let scene = Scene::set().await;
    let mut took = Vec::new();
    for round in 0..count {
        // A CA is revoked for good, and so only once, at last.
        let way = if round + 1 == count { Way::Authority } else { WAYS[(round % 4) as usize] };
        took.push(scene.cut(way, round).await);
    }
    scene.check().await;
    took.sort_unstable();
    let at = |part: usize| took[(took.len() - 1) * part / 100].as_millis();
    say(format_args!(
        "cut {count}, {} attempts to come back, none let in; from asking to the end of the stream: p50 {} ms, \
         p99 {} ms, most {} ms",
        count * ATTEMPTS,
        at(50),
        at(99),
        at(100)
    ));
}

struct Scene {
    stage: Stage,
    operator: Operator,
    homes: TempDir,
    /// Where each stream was opened, and the index after which nothing may have been disclosed on it.
    cuts: std::sync::Mutex<Vec<(String, u64)>>,
}

impl Scene {
    async fn set() -> Self {
        let stage = Stage::start_after(|stage| {
            let list = crl(&stage.path("ca/council"), 1, &[], now().plus_days(30));
            put(&stage.path("ca/council/crl.pem"), &list);
            stage.edit(|text| {
                let own = "ca = \"../ca/council/ca.pem\"\n";
                text.replace(own, &format!("{own}crl = \"../ca/council/crl.pem\"\n"))
            });
        });
        stage.agree().await;
        stage.subscribe("council").await;
        let operator = Operator::local(&stage.path("broker/operate.sock")).await.unwrap();
        let (homes, cuts) = (tempfile::tempdir().unwrap(), std::sync::Mutex::default());
        Self { stage, operator, homes, cuts }
    }

    /// Cuts one subscriber in one way, has it try to come back, and tells how long it took until its stream ended.
    async fn cut(&self, way: Way, round: u64) -> Duration {
        let stage = &self.stage;
        let (home, ends) = self.identity(way, round);
        let certificate = fingerprint(&home);
        let door = Door::of(&home);
        let speaker = Speaker { channel: door.channel(&stage.address).await.unwrap() };
        let opening = pb::Open { credit: 1000, ..open(SUBSCRIPTION) };
        let mut talk = speaker.stream(Some(Ask::Open(opening))).await.unwrap();
        let police = stage.connect("police", Role::Service).await;
        police.publish(draft(now()), None).await.unwrap();
        first_delivery(&mut talk).await;
        // They are on their way and are not asked for.
        for _ in 0..3 {
            police.publish(draft(now()), None).await.unwrap();
        }
        let begun = Instant::now();
        let index = match way {
            Way::Agency => self.operator.suspend_agency("council").await.unwrap().0,
            Way::Authority => {
                let key = portway::identity::key_of_authority(&stage.path("ca/council/ca.pem"));
                self.operator.revoke_authority(key.unwrap().0).await.unwrap().0
            }
            Way::Certificate => self.operator.revoke_certificate(certificate.0).await.unwrap().0,
            Way::Expiry | Way::List => {
                if way == Way::List {
                    let list =
                        crl(&stage.path("ca/council"), round + 2, &[&home], now().plus_days(30));
                    put(&stage.path("ca/council/crl.pem"), &list);
                }
                u64::MAX
            }
        };
        let status = talk.end().await;
        assert!(std::error::Error::source(&status).is_some(), "a last word: {status:?}");
        let begun = if way == Way::Expiry { begun + until(ends, begun) } else { begun };
        let took = Instant::now().saturating_duration_since(begun);
        // The list's record, or at the latest this publish's.
        let next = police.publish(draft(now()), None).await.unwrap();
        let index = index.min(next.index);
        self.cuts.lock().unwrap().push((certificate.to_string(), index));
        for _ in 0..ATTEMPTS {
            // It shows what it showed before, and what it may have kept of the session.
            door.knock(&stage.address).await.expect_err("it came back");
        }
        if way == Way::Agency {
            self.operator.reinstate_agency("council").await.unwrap();
        }
        in_force(stage, |it| it.fault.is_empty()).await;
        took
    }

    /// Nothing was disclosed on any of the streams after the record that ended it.
    async fn check(&self) {
        let officer = self.stage.connect("police", Role::Officer).await;
        let disclosed = events(&officer).await;
        // Who opened the streams is for the council's officers; they are out by now, so by the export of all.
        let cuts = self.cuts.lock().unwrap().clone();
        for pair in cuts.windows(2) {
            let [(_, index), (_, next)] = pair else { continue };
            let between = disclosed.iter().filter(|(at, _)| (*index..*next).contains(at));
            let opened = between.filter_map(|(_, event)| {
                let Event::Disclosed(it) = event else { return None };
                (it.recipient.as_str() == "council").then_some(it.opened)
            });
            let opened: Vec<u64> = opened.collect();
            // The next subscriber's own stream, opened after this one's end.
            assert!(opened.iter().all(|opened| opened > index), "{opened:?} after {index}");
        }
        let last = cuts.last().expect("somebody was cut").1;
        let after = disclosed.iter().filter(|(at, event)| {
            *at > last
                && matches!(event, Event::Disclosed(it) if it.recipient.as_str() == "council")
        });
        assert_eq!(after.count(), 0);
    }

    /// Makes a certificate of its own for a round, and tells when it ends.
    fn identity(&self, way: Way, round: u64) -> (PathBuf, Timestamp) {
        let home = self.homes.path().join(round.to_string());
        let ca = self.stage.path("ca/council");
        let life = if way == Way::Expiry { 3 } else { 3600 };
        let ends = now().after(Duration::from_secs(life));
        make(&home, &ca, ends);
        let server = fs::read_to_string(self.stage.path("ca/server/ca.pem")).unwrap();
        fs::write(home.join("ca.pem"), server).unwrap();
        (home, Timestamp::from_ms(ends.ms() / 1000 * 1000 + 999))
    }
}

/// Reads up to the first delivery, notices of the certificate's end included.
async fn first_delivery(talk: &mut Talk) {
    loop {
        let answer = talk.answers.message().await.unwrap().expect("a stream that goes on");
        if let Some(Answer::Delivery(_)) = answer.message {
            return;
        }
    }
}

/// Signs a certificate of the council's case system that ends to the second.
fn make(home: &Path, ca: &Path, ends: Timestamp) {
    let pem = fs::read_to_string(ca.join("ca.pem")).unwrap();
    let key = KeyPair::from_pem(&fs::read_to_string(ca.join("key.pem")).unwrap()).unwrap();
    let issuer = Issuer::from_ca_cert_pem(&pem, key).unwrap();
    let second = |at: Timestamp| {
        OffsetDateTime::from_unix_timestamp(i64::try_from(at.ms() / 1000).unwrap()).unwrap()
    };
    let mut params = CertificateParams::default();
    params.not_before = second(now().before(Duration::from_secs(60)));
    params.not_after = second(ends);
    let uri = "spiffe://portway.test/agency/council/service/cases";
    params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    let own = KeyPair::generate().unwrap();
    fs::create_dir_all(home).unwrap();
    fs::write(home.join("cert.pem"), params.signed_by(&own, &issuer).unwrap().pem()).unwrap();
    fs::write(home.join("key.pem"), own.serialize_pem()).unwrap();
}

/// How long after `begun`, which was not long ago, a moment of the wall clock comes.
fn until(moment: Timestamp, begun: Instant) -> Duration {
    let ahead = Duration::from_millis(moment.ms().saturating_sub(now().ms()));
    let passed = Duration::from_millis(now().ms().saturating_sub(moment.ms()));
    (begun.elapsed() + ahead).saturating_sub(passed)
}
