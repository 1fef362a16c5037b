//! Whoever holds a certificate that ends soon is told so: on its streams, in its answers, and at its terminal.

use std::{fs, path::PathBuf, time::Duration};

use portway::{
    domain::Timestamp,
    pb::v1::{
        self as pb, subscribe_request::Message as Ask, subscribe_response::Message as Answer,
    },
};

use super::openssl::{GOOD, Paper, issue};
use crate::stage::{
    Cli, Door, Role, SUBSCRIPTION, Speaker, Stage, draft, now, open, pull, request, time,
};

/// Makes an identity of the council's service whose certificate ends then.
fn identity(stage: &Stage, end: Timestamp) -> PathBuf {
    let home = stage.path("council-ending");
    let extensions = GOOD.replace("police", "council");
    let written: String = end.to_string().chars().filter(char::is_ascii_digit).take(14).collect();
    let paper = Paper {
        extensions: &extensions,
        time: ["20200101000000Z", &format!("{written}Z")],
        ..Paper::default()
    };
    issue(&home, Some(&stage.path("ca/council")), paper);
    for file in ["ca.pem", "log.vkey"] {
        fs::copy(stage.home("council", Role::Service).join(file), home.join(file)).unwrap();
    }
    home
}

/// The end of the second that a certificate names.
fn last_moment(end: Timestamp) -> Timestamp {
    Timestamp::from_ms(end.ms() / 1000 * 1000 + 999)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_holder_of_a_certificate_that_ends_soon_is_told() {
    let stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    let end = now().plus_days(9).after(Duration::from_secs(12 * 3600));
    let home = identity(&stage, end);
    let due = pb::Notice {
        kind: pb::NoticeKind::CertificateEnding.into(),
        at: Some(time(last_moment(end))),
    };
    let channel = Door::of(&home).channel(&stage.address).await.unwrap();
    let council = Speaker { channel };

    let mut talk = council.stream(Some(Ask::Open(open(SUBSCRIPTION)))).await.unwrap();
    let said = [talk.answers.message().await, talk.answers.message().await];
    let said = said.map(|answer| answer.unwrap().unwrap().message.unwrap());
    assert!(matches!(&said[0], Answer::Opened(_)), "{said:?}");
    assert_eq!(said[1], Answer::Notice(due));
    drop(talk);
    let pulled = council.exchange().pull(pull(SUBSCRIPTION)).await.unwrap().into_inner();
    assert_eq!(pulled.notices, [due]);

    let police = stage.speak("police", Role::Service).await;
    police.publish(request(draft(now()))).await.unwrap();
    let cli = Cli::at(&stage.address, &home);
    let said = cli.run(["follow", "--subscription", SUBSCRIPTION, "--count", "1"]);
    let warning = format!(
        "warning: the certificate of agency/council/service/cases ends in 9 days, {}: renew it\n",
        last_moment(end)
    );
    assert!(said.stderr.starts_with(&warning), "{said:?}");
    assert!(said.stderr.contains("notice: NOTICE_KIND_CERTIFICATE_ENDING, "), "{said:?}");
    assert_eq!(said.done().lines().count(), 1, "the alert alone is data");
    let said = cli.run(["status", "--json"]);
    assert_eq!(said.stderr, warning);
    said.json();
    let calm = Cli::of(&stage, "council", Role::Service).run(["status"]);
    assert_eq!(calm.stderr, "", "one with time left");
}

/// After its end the broker does not know it, and the terminal says why.
#[tokio::test(flavor = "multi_thread")]
async fn the_holder_of_a_certificate_that_has_ended_is_told() {
    let stage = Stage::start();
    let home = identity(&stage, Timestamp::parse("2026-01-01T00:00:00Z").unwrap());
    let said = Cli::at(&stage.address, &home).run(["status"]).failed(5);
    let ended = "warning: the certificate of agency/council/service/cases has ended, \
                 2026-01-01T00:00:00.999Z\n";
    assert!(said.starts_with(ended), "{said}");
}
