//! What the build is made of, from Cargo.lock: one TLS stack, one provider of cryptography, no source but
//! the registry. It holds where `cargo deny` is not installed.

use crate::tree;

/// Name and source of each locked package; our own has no source.
fn packages() -> Vec<(String, Option<String>)> {
    let text = tree::read("Cargo.lock");
    let value = |package: &str, key: &str| {
        let line = package.lines().find_map(|line| line.strip_prefix(&format!("{key} = \"")))?;
        line.strip_suffix('"').map(str::to_owned)
    };
    let packages = text.split("[[package]]").skip(1);
    packages.map(|it| (value(it, "name").expect("a name"), value(it, "source"))).collect()
}

#[test]
fn there_is_one_tls_stack_and_one_provider_of_cryptography() {
    let packages = packages();
    let count = |name: &str| packages.iter().filter(|(it, _)| it == name).count();

    assert_eq!((count("rustls"), count("ring")), (1, 1));
    let barred = ["aws-lc", "boring", "mbedtls", "native-tls", "openssl", "schannel", "wolfssl"];
    let found = packages.iter().filter(|(name, _)| barred.iter().any(|it| name.starts_with(it)));
    // Finding where a system keeps its certificates is not a TLS stack.
    let found = found.filter(|(name, _)| name != "openssl-probe");
    assert_eq!(found.map(|(name, _)| name).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn everything_comes_from_the_registry() {
    let registry = "registry+https://github.com/rust-lang/crates.io-index";
    for (name, source) in packages() {
        match source {
            Some(source) => assert_eq!(source, registry, "{name}"),
            None => assert_eq!(name, "portway"),
        }
    }
}
