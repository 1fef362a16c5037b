//! On whose behalf: in the records of the agency itself, and nowhere else.

use portway::{
    client::{Error, Incoming, PullOptions},
    domain::{Name, Reason},
    pb::v1 as pb,
    record::Event,
};

use crate::stage::{
    AGREEMENT, Cli, PURPOSE, Role, SUBSCRIPTION, Stage, agreement, draft, events, now, pull,
    request,
};

const OFFICER: &str = "PC-4711";
const WORKER: &str = "payroll/0815";

fn published(event: &Event) -> Option<String> {
    let Event::Published(published) = event else { return None };
    published.facts.on_behalf_of.as_ref().map(ToString::to_string)
}

fn opened(event: &Event) -> Option<String> {
    let Event::StreamOpened { on_behalf_of, .. } = event else { return None };
    on_behalf_of.as_ref().map(ToString::to_string)
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stands_in_the_own_agencys_record_and_in_no_view() {
    let stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    let police = stage.connect("police", Role::Service).await;
    let alert = pb::AlertDraft { on_behalf_of: OFFICER.to_owned(), ..draft(now()) };
    police.publish(alert, None).await.unwrap();
    let council = stage.connect("council", Role::Service).await;
    let options =
        PullOptions { on_behalf_of: Some(WORKER.parse().unwrap()), ..PullOptions::default() };
    let name: Name = SUBSCRIPTION.parse().unwrap();
    let pulled = council.pull(&name, PURPOSE, options).await.unwrap();
    let [Incoming::Delivery(delivered)] = pulled.incoming.as_slice() else { panic!("{pulled:?}") };
    assert!(!format!("{:?}", delivered.view).contains(OFFICER));

    let of = async |agency| {
        let officer = stage.connect(agency, Role::Officer).await;
        let events: Vec<Event> = events(&officer).await.into_iter().map(|it| it.1).collect();
        let published: Vec<_> = events.iter().filter_map(published).collect();
        let opened: Vec<_> = events.iter().filter_map(opened).collect();
        (published, opened, format!("{events:?}"))
    };
    let (published, opened, all) = of("police").await;
    assert_eq!((published, opened), (vec![OFFICER.to_owned()], vec![]));
    assert!(!all.contains(WORKER));
    let (published, opened, all) = of("council").await;
    assert_eq!((published, opened), (vec![], vec![WORKER.to_owned()]));
    assert!(!all.contains(OFFICER));
    assert!(!stage.log_lines().contains(OFFICER) && !stage.log_lines().contains(WORKER));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agreement_that_demands_it_refuses_a_publish_without() {
    let stage = Stage::start();
    let mut demanding = agreement(now());
    for party in &mut demanding.parties {
        party.names_staff = party.agency == "police";
    }
    let officer = stage.connect("police", Role::Officer).await;
    let version = officer.propose_agreement(demanding).await.unwrap().version;
    for agency in ["police", "council", "housing"] {
        let officer = stage.connect(agency, Role::Officer).await;
        officer.approve_agreement(AGREEMENT, &version).await.unwrap();
    }
    let police = stage.connect("police", Role::Service).await;

    let error = police.publish(draft(now()), None).await.expect_err("nobody is named");
    let Error::Refused { reason, decision: Some(_), .. } = error else { panic!("{error:?}") };
    assert_eq!(reason, Reason::StaffReferenceMissing.code());

    // The command line names somebody for all of a file.
    let line = portway::client::json::to_text(&draft(now())).unwrap();
    let cli = Cli::of(&stage, "police", Role::Service);
    cli.run_with(["publish", "--file", "-"], &line).failed(3);
    cli.run_with(["publish", "--file", "-", "--on-behalf-of", OFFICER], &line).done();
    let said = cli.run_with(["publish", "--file", "-", "--on-behalf-of", "Jo Smith"], &line);
    assert!(said.failed(2).contains("staff reference"));
}

/// What could be a name or an address is none, wherever it is sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_not_taken_for_a_reference() {
    let stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    let police = stage.speak("police", Role::Service).await;
    let council = stage.speak("council", Role::Service).await;
    for name in ["Jo Smith", "smith", "jo@police.example", "12", &"1".repeat(33)] {
        let alert = pb::AlertDraft { on_behalf_of: name.to_owned(), ..draft(now()) };
        let status = police.publish(request(alert)).await.expect_err(name);
        assert_eq!(status.message(), "MALFORMED at on_behalf_of");
        let asked = pb::PullRequest { on_behalf_of: name.to_owned(), ..pull(SUBSCRIPTION) };
        let status = council.exchange().pull(asked).await.expect_err(name);
        assert_eq!(status.message(), "MALFORMED at on_behalf_of");
    }
}
