//! An identity's certificate is renewed by one command, by the broker or by a CA elsewhere: the old one and the new
//! one are good side by side, and nobody gets another name.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use portway::{
    client::{FollowOptions, Incoming},
    domain::{Fingerprint, Name},
    record::Event,
};

use crate::stage::{Cli, PURPOSE, Role, SUBSCRIPTION, Stage, draft, events, now};

fn read(dir: &Path, name: &str) -> String {
    fs::read_to_string(dir.join(name)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_renewed_while_a_stream_is_open_on_the_old_one() {
    let stage = Stage::start_with_issuer("council");
    stage.agree().await;
    stage.subscribe("council").await;
    let home = stage.home("council", Role::Service);
    let (old_key, old) = (read(&home, "key.pem"), read(&home, "cert.pem"));
    let before = stage.connect("council", Role::Service).await;
    let name: Name = SUBSCRIPTION.parse().unwrap();
    let mut stream = before.follow(&name, PURPOSE, FollowOptions::default()).await.unwrap();
    let police = stage.connect("police", Role::Service).await;
    let mut deliver = async || {
        police.publish(draft(now()), None).await.unwrap();
        loop {
            if let Incoming::Delivery(delivered) = stream.next().await.unwrap().unwrap() {
                return delivered.number;
            }
        }
    };
    assert_eq!(deliver().await, 1);

    let said = Cli::of(&stage, "council", Role::Service).run(["cert", "renew", "--json"]).json();

    assert_eq!(said["id"], "agency/council/service/cases");
    assert_ne!(read(&home, "key.pem"), old_key);
    assert_ne!(read(&home, "cert.pem"), old);
    let mode = fs::metadata(home.join("key.pem")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!home.join("renewal").exists());
    // Both are good: the stream on the old one goes on while the new one calls.
    let after = stage.connect("council", Role::Service).await;
    after.status().await.unwrap();
    assert_eq!(deliver().await, 2);
    before.status().await.unwrap();

    let officer = stage.connect("council", Role::Officer).await;
    let recorded = events(&officer).await;
    let issued = recorded.iter().find_map(|(index, event)| {
        if let Event::CertificateIssued(it) = event { Some((*index, it.clone())) } else { None }
    });
    let (index, issued) = issued.expect("it is recorded");
    assert_eq!(issued.by.seat.to_string(), "agency/council/service/cases");
    let listed = officer.certificates().await.unwrap();
    let new = listed.iter().find(|it| it.issued == index + 1).expect("it is listed");
    assert_eq!(*new.certificate, issued.certificate.0);
    assert!(new.last_seen.is_some(), "it has been used");
    let Fingerprint(before) = issued.by.certificate;
    let old = listed.iter().find(|it| *it.certificate == before).expect("the old one is listed");
    assert_eq!((old.issued, &old.id), (0, &new.id));
    // The operator sees everybody's.
    let said = Cli::of(&stage, "", Role::Operator).run(["cert", "list", "--json"]).lines();
    assert!(said.iter().any(|it| it["id"] == "operator/ops-1"), "{said:?}");
    assert!(said.iter().any(|it| it["id"] == "agency/council/service/cases"), "{said:?}");
}

/// What was issued is known after a start too, from everything and from a snapshot.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_issued_is_listed_after_a_start() {
    let mut stage = Stage::start_with_issuer("fire");
    for _ in 0..2 {
        Cli::of(&stage, "fire", Role::Service).run(["cert", "renew"]).done();
    }
    for arguments in [&["--check", "full"][..], &[]] {
        stage.terminate();
        stage.serve_again_with(arguments);
        let listed = stage.connect("fire", Role::Officer).await.certificates().await.unwrap();
        assert_eq!(listed.iter().filter(|it| it.issued > 0).count(), 2, "{listed:?}");
    }
    // The newest is in use still, and nothing but it and what belongs to an identity is there.
    stage.connect("fire", Role::Service).await.status().await.unwrap();
    assert_eq!(fs::read_dir(stage.home("fire", Role::Service).join("pairs")).unwrap().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_issuer_a_ca_elsewhere_signs() {
    let stage = Stage::start();
    let home = stage.home("police", Role::Service);
    let police = Cli::of(&stage, "police", Role::Service);
    let (key, old) = (read(&home, "key.pem"), read(&home, "cert.pem"));

    let (reason, _) = police.run(["cert", "renew", "--json"]).failed_json(6);

    assert_eq!(reason, "NO_ISSUER");
    assert_eq!((read(&home, "key.pem"), read(&home, "cert.pem")), (key, old.clone()));
    let request = home.join("renewal/request.pem");
    // Asked again, it is the same request: the CA may be at work on it.
    let again = police.run(["cert", "renew", "--offline"]).done();
    assert_eq!(Path::new(again.trim_end()), request);
    let signed = stage.path("signed.pem");
    let sign = |ca: &str, request: &Path| {
        let (ca, request) = (stage.path("ca").join(ca), request.display().to_string());
        let (ca, out) = (ca.display().to_string(), signed.display().to_string());
        drop(fs::remove_file(&signed));
        let line = ["cert", "sign", "--ca", &ca, "--request", &request, "--out", &out];
        Cli::nobody().run(line).done();
    };
    let install = || {
        police.run([
            "cert".as_ref(),
            "renew".as_ref(),
            "--certificate".as_ref(),
            signed.as_os_str(),
        ])
    };
    // The old certificate is not for the new key; one of a CA that the broker does not know is not let in.
    fs::write(&signed, &old).unwrap();
    assert!(install().failed(2).contains("do not belong together"));
    sign("unknown", &request);
    install().failed(5);
    assert_eq!(read(&home, "cert.pem"), old);

    sign("police", &request);
    assert!(install().done().starts_with("renewed: agency/police/service/cases until "));

    assert_ne!(read(&home, "cert.pem"), old);
    stage.connect("police", Role::Service).await.status().await.unwrap();
    assert!(install().failed(2).contains("no renewal is under way"));
}

/// An issuer that is not among the agency's CAs would sign what the broker turns away.
#[test]
fn a_broker_with_another_ones_issuer_does_not_start() {
    let stage = Stage::set();
    let config = stage.path("broker/portway.toml");
    let text = fs::read_to_string(&config).unwrap();
    let ca = "ca = \"../ca/police/ca.pem\"\n";
    for (issuer, said) in [
        ("certificate = \"../ca/fire/ca.pem\", key = \"../ca/fire/key.pem\"", "none of the CAs"),
        ("certificate = \"../ca/police/ca.pem\", key = \"../ca/fire/key.pem\"", "belong together"),
        ("certificate = \"../ca/police/ca.pem\", key = \"../ca/none.pem\"", "cannot be read"),
        (
            "certificate = \"../ca/police/ca.pem\", key = \"../ca/police/key.pem\", days = 399",
            "agency.issuer.days: it has to be 1 to 398",
        ),
    ] {
        fs::write(&config, text.replace(ca, &format!("{ca}issuer = {{ {issuer} }}\n"))).unwrap();
        let path = config.display().to_string();
        for line in [
            ["config", "check", "--config", &path],
            ["serve", "--log-level=error", "--config", &path],
        ] {
            let stderr = Cli::nobody().run(line).failed(2);
            assert!(stderr.contains(said), "{stderr}");
        }
    }
}

/// Whoever did not get the answer asks again, and gets the certificate that was issued: it takes one place.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_gets_the_same_certificate() {
    let stage = Stage::start_with_issuer("fire");
    let fire = Cli::of(&stage, "fire", Role::Service);
    let path = fire.run(["cert", "renew", "--offline"]).done();
    let request = fs::read_to_string(path.trim_end()).unwrap();
    let connection = stage.connect("fire", Role::Service).await;
    let first = connection.renew_certificate(request.clone()).await.unwrap();
    for _ in 0..20 {
        let again = connection.renew_certificate(request.clone()).await.unwrap();
        assert_eq!((&again.certificate, again.index), (&first.certificate, first.index));
    }
    let listed = stage.connect("fire", Role::Officer).await.certificates().await.unwrap();
    assert_eq!(listed.iter().filter(|it| it.issued > 0).count(), 1);
}

/// An issuer that is named while the broker runs signs from the next generation on.
#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_is_part_of_the_generation() {
    let stage = Stage::start();
    let fire = Cli::of(&stage, "fire", Role::Service);
    fire.run(["cert", "renew"]).failed(6);
    stage.edit(|text| {
        let ca = "ca = \"../ca/fire/ca.pem\"\n";
        let issuer = "issuer = { certificate = \"../ca/fire/ca.pem\", key = \"../ca/fire/key.pem\", days = 30 }\n";
        text.replace(ca, &format!("{ca}{issuer}"))
    });
    Cli::of(&stage, "", Role::Operator).run(["operate", "reload"]).done();
    fire.run(["cert", "renew"]).done();
    // One that is no good refuses the generation, whole.
    stage.edit(|text| {
        text.replace("key = \"../ca/fire/key.pem\"", "key = \"../ca/police/key.pem\"")
    });
    let said = Cli::of(&stage, "", Role::Operator).run(["operate", "reload"]).failed(3);
    assert!(said.contains("do not belong together"), "{said}");
}
