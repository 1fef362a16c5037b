//! Configuration and certificates: wrong is 2, because nothing was tried.

use std::fs;

use super::House;

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_with_an_unknown_key_is_told_and_nothing_is_touched() {
    let mut house = House::build().await;
    let path = house.at("portway.toml");
    let good = fs::read_to_string(&path).unwrap();
    for (more, named) in [
        ("[limits]\nalerts_per_second = 5\n", "alerts_per_second"),
        ("[limits]\npublish_per_second = 0\n", "limits.publish_per_second"),
        ("[limits]\npublish_per_second = \"fast\"\n", "publish_per_second"),
        ("[limitz]\n", "limitz"),
        ("[limits]\ncall_timeout_ms = -1\n", "call_timeout_ms"),
    ] {
        fs::write(&path, format!("{good}{more}")).unwrap();
        let message = house.refuses_with(2);
        assert!(message.contains(named), "{message}");
    }
    fs::write(&path, good).unwrap();
    house.starts_with_everything().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_half_written_is_told() {
    let mut house = House::build().await;
    let server = house.at("server");
    for (file, other) in [("cert.pem", "key.pem"), ("key.pem", "cert.pem")] {
        let path = server.join(file);
        let whole = fs::read(&path).unwrap();
        let text = String::from_utf8(whole.clone()).unwrap();
        // What stands between the lines of the armour, and must be repeated by nobody.
        let inner = text.lines().nth(1).unwrap();
        for part in [0, 1, whole.len() / 2, whole.len() - 10] {
            fs::write(&path, &whole[..part]).unwrap();
            let message = house.refuses_with(2);
            assert!(message.contains(file) || message.contains(other), "{part}: {message}");
            assert!(!message.contains(inner), "{message}");
        }
        fs::write(&path, whole).unwrap();
    }
    // Each whole, and not of one pair: the new certificate is there, its key not yet.
    let certificate = server.join("cert.pem");
    let whole = fs::read(&certificate).unwrap();
    fs::copy(house.stage.path("identities/police/service/cert.pem"), &certificate).unwrap();
    let message = house.refuses_with(2);
    assert!(message.contains("cert.pem") || message.contains("key"), "{message}");
    fs::write(&certificate, whole).unwrap();
    house.starts_with_everything().await;
}
