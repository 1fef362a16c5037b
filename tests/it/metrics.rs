//! What Prometheus finds at the real binary, and that nobody else can write there.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
};

use portway::metrics::Family;

use crate::{
    certificates::openssl::{self, Paper},
    stage::{Door, Role, SUBSCRIPTION, Stage, draft, now, open, request, size},
};

const ON: &str = "[metrics]\nlisten = \"127.0.0.1:0\"\n";

/// Sends a request as it stands, and returns the whole answer.
fn ask(stage: &Stage, request: &str) -> String {
    let mut socket = TcpStream::connect(stage.metrics().expect("it shows figures")).unwrap();
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    // Of what it does not want to read it may close the connection.
    drop(socket.read_to_string(&mut answer));
    answer
}

/// Returns the samples by name and labels, each held against the grammar of the format.
fn scrape(stage: &Stage) -> BTreeMap<String, u64> {
    let answer = ask(stage, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let (head, page) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
    let mut samples = BTreeMap::new();
    for line in page.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let name = comment.split(' ').nth(1).unwrap();
            assert!(Family::ALL.iter().any(|family| family.name() == name), "{line}");
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').expect(line);
        let (name, labels) = sample.split_once('{').unwrap_or((sample, "}"));
        assert!(Family::ALL.iter().any(|family| family.name() == name), "{line}");
        let labels = labels.strip_suffix('}').expect(line);
        for label in labels.split("\",").filter(|label| !label.is_empty()) {
            let (key, content) = label.split_once("=\"").expect(line);
            assert!(key.bytes().all(|byte| byte.is_ascii_lowercase()), "{line}");
            let content = content.trim_end_matches('"');
            assert!(
                content.bytes().all(|it| it.is_ascii_alphanumeric() || b"_-.".contains(&it)),
                "{line}"
            );
        }
        let before = samples.insert(sample.to_owned(), value.parse().expect(line));
        assert_eq!(before, None, "{line} is there twice");
    }
    samples
}

/// How a certificate is named, by OpenSSL's reckoning, and when it ends.
fn certificate(kind: &str, agency: &str, path: &Path) -> (String, u64) {
    let dir = path.parent().unwrap();
    let name = path.file_name().unwrap().to_str().unwrap();
    let said = openssl::run(
        dir,
        &[
            "x509",
            "-in",
            name,
            "-noout",
            "-fingerprint",
            "-sha256",
            "-enddate",
            "-dateopt",
            "iso_8601",
        ],
    );
    let said = String::from_utf8(said.stdout).unwrap();
    let (fingerprint, end) = said.split_once('\n').unwrap();
    let fingerprint = fingerprint.split_once('=').unwrap().1.replace(':', "").to_lowercase();
    let end = end.trim().strip_prefix("notAfter=").unwrap().replace(' ', "T");
    let end = portway::domain::Timestamp::parse(&end).unwrap().ms() / 1000;
    let labels = format!("kind=\"{kind}\",agency=\"{agency}\",fingerprint=\"{fingerprint}\"");
    (format!("portway_certificate_not_after_timestamp_seconds{{{labels}}}"), end)
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_are_shown_as_they_are() {
    let stage =
        Stage::start_with(&format!("{ON}[limits]\npublish_per_second = 1\npublish_burst = 1\n"));
    stage.agree().await;
    stage.subscribe("council").await;
    let council = stage.speak("council", Role::Service).await;
    let open = portway::pb::v1::subscribe_request::Message::Open(open(SUBSCRIPTION));
    let talk = council.stream(Some(open)).await.unwrap();
    let police = stage.speak("police", Role::Service).await;
    while police.publish(request(draft(now()))).await.is_ok() {}
    let home = stage.home("police", Role::Service);
    Door::without_certificate(&home).knock(&stage.address).await.expect_err("a stranger");
    let officer = stage.connect("police", Role::Officer).await;
    // A peer may think itself connected a moment before it is let in.
    size(&officer).await;

    let mut samples = scrape(&stage);
    // A peer may hear that it is refused a moment before it is counted.
    while samples["portway_connections_refused_total{reason=\"NO_CERTIFICATE\"}"] == 0 {
        samples = scrape(&stage);
    }
    assert_eq!(samples["portway_build_info{version=\"0.1.0\"}"], 1);
    assert!(samples["portway_start_time_seconds"] <= now().ms() / 1000);
    assert!(
        samples["portway_log_entries"] > 0
            && samples["portway_log_entries"] <= size(&officer).await
    );
    assert_eq!(samples["portway_requests_turned_away_total{reason=\"RATE_EXCEEDED\"}"], 1);
    assert_eq!(samples["portway_requests_turned_away_total{reason=\"BUSY\"}"], 0);
    assert_eq!(samples["portway_streams{agency=\"council\",role=\"systems\"}"], 1);
    assert_eq!(samples["portway_calls_in_progress{agency=\"police\",role=\"systems\"}"], 0);
    assert!(samples["portway_connections{agency=\"council\"}"] >= 1);
    assert_eq!(samples["portway_connections_refused_total{reason=\"EXPIRED\"}"], 0);
    for (name, end) in [
        certificate("server", "", &stage.path("broker/server/cert.pem")),
        certificate("operators_ca", "", &stage.path("ca/operators/ca.pem")),
        certificate("ca", "police", &stage.path("ca/police/ca.pem")),
        certificate("ca", "school", &stage.path("ca/school/ca.pem")),
        certificate("service", "police", &home.join("cert.pem")),
        certificate("officer", "police", &stage.home("police", Role::Officer).join("cert.pem")),
    ] {
        assert_eq!(samples[&name], end, "{name}");
    }
    let unconnected =
        certificate("service", "fire", &stage.home("fire", Role::Service).join("cert.pem"));
    assert!(!samples.contains_key(&unconnected.0), "only live ones");
    drop((talk, council, police));
}

/// A certificate whose subject would end a line, and add one of its own, says nothing here.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_writes_their_own_figures() {
    let stage = Stage::start_with(ON);
    let forger = stage.path("forger");
    let name = "a\"} 1\nportway_log_entries 0\n#";
    openssl::issue_to(&forger, name, Some(&stage.path("ca/police")), Paper::default());
    for file in ["ca.pem", "log.vkey"] {
        std::fs::copy(stage.home("police", Role::Service).join(file), forger.join(file)).unwrap();
    }
    Door::of(&forger).knock(&stage.address).await.expect("it belongs to the police");
    let kept = stage.connect_as(&forger).await;
    size(&kept).await;

    let samples = scrape(&stage);

    assert!(samples["portway_log_entries"] > 0);
    let (name, end) = certificate("service", "police", &forger.join("cert.pem"));
    assert_eq!(samples[&name], end);
}

#[test]
fn nothing_but_the_page_is_there() {
    let stage = Stage::start_with(ON);
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "404 Not Found"),
        ("GET /metrics/ HTTP/1.1\r\nHost: a\r\n\r\n", "404 Not Found"),
        (
            "POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
            "405 Method Not Allowed",
        ),
        ("DELETE /metrics HTTP/1.1\r\nHost: a\r\n\r\n", "405 Method Not Allowed"),
        ("nonsense\r\n\r\n", "400 Bad Request"),
    ] {
        let answer = ask(&stage, request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{request}: {answer}");
        assert!(answer.ends_with("\r\n\r\n") && !answer.contains("portway"), "{answer}");
    }
    assert_eq!(ask(&stage, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").matches("portway").count(), 0);
    scrape(&stage);
}

/// Off unless asked for, and never where another machine could ask.
#[test]
fn it_is_off_and_stays_on_this_machine() {
    assert_eq!(Stage::start().metrics(), None);
    let stage = Stage::set();
    let config = stage.path("broker/portway.toml");
    for listen in ["0.0.0.0:9464", "192.0.2.1:9464", "[::]:9464", "localhost:9464"] {
        let text = std::fs::read_to_string(stage.path("broker/portway.toml")).unwrap();
        let (text, _) = text.split_once("[metrics]").unwrap_or((&text, ""));
        std::fs::write(&config, format!("{text}[metrics]\nlisten = \"{listen}\"\n")).unwrap();
        let said = crate::stage::Cli::nobody().run(["serve", "--config", config.to_str().unwrap()]);
        assert_eq!(said.status, 2, "{said:?}");
        assert!(said.stderr.contains("metrics.listen"), "{said:?}");
    }
}
