//! `portway cert renew` and `portway cert list`: the next certificate of an identity, and those in use.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::json;
use zeroize::Zeroizing;

use crate::{
    cli::{
        Global,
        output::{Exit, Failure, Output},
    },
    client::{Connection, Error, Identity, json},
    identity::Credentials,
    pki::{self, NewRequest, PkiError, Profile, Request},
    record::Rotation,
};

/// What is under way stands in this directory of the identity.
const RENEWAL: &str = "renewal";

/// Arguments of `cert renew`.
#[derive(Args, Debug)]
pub struct RenewArgs {
    /// Makes key and request only, for a CA elsewhere; asks no broker
    #[arg(long, conflicts_with = "certificate")]
    offline: bool,
    /// Puts this certificate in place, signed for the request that was made before
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
}

/// Runs `portway cert renew`.
pub(super) async fn renew(args: &RenewArgs, global: &Global, out: Output) -> Result<(), Failure> {
    let dir = global.identity.as_deref().ok_or_else(|| {
        Failure::usage("no identity: give --identity DIR or set PORTWAY_IDENTITY")
    })?;
    let identity = Identity::load(dir)?;
    if let Some(file) = &args.certificate {
        let certificate = super::read(file)?;
        return install(&identity, dir, &certificate, global, out).await;
    }
    let request = prepare(&identity, dir)?;
    let path = dir.join(RENEWAL).join("request.pem");
    if args.offline {
        let path = path.display();
        out.either(&json!({ "request": dir.join(RENEWAL).join("request.pem") }), path);
        return Ok(());
    }
    match global.connect().await?.renew_certificate(request).await {
        Ok(answer) => install(&identity, dir, &answer.certificate, global, out).await,
        Err(Error::Refused { reason, decision, .. }) if reason == "NO_ISSUER" => {
            let message = format!(
                "the broker signs for nobody of this agency: have {} signed by its ca, and give the \
                 certificate to cert renew --certificate FILE",
                path.display()
            );
            Err(Failure { exit: Exit::Partly, reason, decision, message })
        }
        Err(error) => Err(error.into()),
    }
}

/// Makes the new key and its request, or finds those of a renewal that is under way. What was left by a crash, or by
/// one that was done, is begun anew.
fn prepare(identity: &Identity, dir: &Path) -> Result<String, Failure> {
    let renewal = dir.join(RENEWAL);
    let [key, request] = ["key.pem", "request.pem"].map(|name| renewal.join(name));
    let domain = identity.trust_domain().parse().map_err(Failure::usage)?;
    let profile = Profile::Client { domain, seat: identity.seat().clone() };
    if let Some(request) = under_way([&key, &request, &dir.join("key.pem")], &profile) {
        return Ok(request);
    }
    if renewal.exists() {
        fs::remove_dir_all(&renewal).map_err(Failure::failed)?;
    }
    let new = NewRequest::new(&profile)?;
    pki::create_directory(&renewal)?;
    pki::write_private(&key, &new.key_pem)?;
    let whole = renewal.join("request.tmp");
    pki::write_public(&whole, &new.pem)?;
    fs::rename(&whole, &request).map_err(Failure::failed)?;
    Ok(new.pem)
}

/// Returns the request of a renewal that can be gone on with: whole, in the same name, of the key beside it, and that
/// key is not the one in use already.
pub(super) fn under_way([key, request, live]: [&Path; 3], profile: &Profile) -> Option<String> {
    let text = fs::read_to_string(request).ok()?;
    let parsed = Request::parse(&text).ok().filter(|parsed| parsed.profile() == profile)?;
    let holds = |path| {
        let key = fs::read_to_string(path).ok().map(Zeroizing::new);
        key.is_some_and(|key| parsed.is_of(&key))
    };
    (holds(key) && !holds(live)).then_some(text)
}

/// Puts a certificate in place with its key, once it was found to be the next one of this identity and, where there
/// is a broker to ask, that it lets it in. Until then the old pair is in use.
async fn install(
    identity: &Identity,
    dir: &Path,
    certificate: &str,
    global: &Global,
    out: Output,
) -> Result<(), Failure> {
    let renewal = dir.join(RENEWAL);
    let [key_path, path] = ["key.pem", "cert.pem"].map(|name| renewal.join(name));
    if !key_path.exists() {
        return Err(Failure::usage("no renewal is under way: begin with cert renew --offline"));
    }
    fs::write(&path, certificate).map_err(Failure::failed)?;
    let not_after = Credentials::read(&path, &key_path).map_err(PkiError::from)?.not_after();
    for name in ["ca.pem", "log.vkey", Rotation::FILE] {
        if dir.join(name).exists() {
            fs::copy(dir.join(name), renewal.join(name)).map_err(Failure::failed)?;
        }
    }
    let next = Identity::load(&renewal)?;
    if (next.seat(), next.trust_domain()) != (identity.seat(), identity.trust_domain()) {
        return Err(Failure::new(Exit::Verification, "the certificate names somebody else"));
    }
    if let Some(target) = &global.connect {
        Connection::connect(target, next).await?.status().await?;
    }
    pki::replace_pair(dir, &super::read(&key_path)?, certificate)?;
    fs::remove_dir_all(&renewal).map_err(Failure::failed)?;
    let (seat, not_after) = (identity.seat().to_string(), not_after.to_string());
    out.either(
        &json!({ "identity": dir, "id": seat, "not_after": not_after }),
        format_args!("renewed: {seat} until {not_after}"),
    );
    Ok(())
}

/// Runs `portway cert list`.
pub(super) async fn list(global: &Global, out: Output) -> Result<(), Failure> {
    for status in global.connect().await?.certificates().await? {
        let time = |time: Option<prost_types::Timestamp>| {
            time.map_or_else(|| "-".to_owned(), |time| time.to_string())
        };
        let (id, connections) = (&status.id, status.connections);
        let (until, seen) = (time(status.not_after), time(status.last_seen));
        let certificate = crate::domain::Hex(&status.certificate);
        out.either(
            &json::to_value(&status)?,
            format_args!(
                "{id} until {until}, seen {seen}, {connections} connections, {certificate}"
            ),
        );
    }
    Ok(())
}
