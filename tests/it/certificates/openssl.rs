//! OpenSSL's command as a CA that signs anything, and as a client that shows anything.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use crate::stage::{Role, Stage};

/// Keys as `openssl genpkey` makes them.
pub(crate) const P256: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
pub(crate) const P384: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"];
pub(crate) const ED25519: &[&str] = &["-algorithm", "ED25519"];
pub(crate) const RSA1024: &[&str] = &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"];
pub(crate) const RSA2048: &[&str] = &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
pub(crate) const RSA3072: &[&str] = &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"];

/// What a good service of the police has.
pub(crate) const GOOD: &str = "basicConstraints = critical, CA:FALSE\n\
    keyUsage = critical, digitalSignature\n\
    extendedKeyUsage = clientAuth\n\
    subjectAltName = URI:spiffe://portway.test/agency/police/service/cases\n";
/// What a CA has.
pub(crate) const AUTHORITY: &str = "basicConstraints = critical, CA:TRUE\n\
    keyUsage = critical, keyCertSign, cRLSign\nsubjectKeyIdentifier = hash\n";

/// What is signed, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paper<'a> {
    pub(crate) key: &'a [&'a str],
    pub(crate) extensions: &'a str,
    pub(crate) digest: &'a str,
    /// From when to when, as `openssl ca` takes it.
    pub(crate) time: [&'a str; 2],
}

impl Default for Paper<'_> {
    fn default() -> Self {
        let time = ["20200101000000Z", "20991231235959Z"];
        Self { key: P256, extensions: GOOD, digest: "default", time }
    }
}

/// Makes a key and a certificate for it in `home`, signed by the CA in `ca`, which has `ca.pem` and `key.pem`;
/// none: by itself.
pub(crate) fn issue(home: &Path, ca: Option<&Path>, paper: Paper<'_>) {
    issue_to(home, home.file_name().unwrap().to_str().unwrap(), ca, paper);
}

/// The same, for a name.
pub(crate) fn issue_to(home: &Path, name: &str, ca: Option<&Path>, paper: Paper<'_>) {
    fs::create_dir_all(home).unwrap();
    fs::write(home.join("extensions"), paper.extensions).unwrap();
    fs::write(home.join("index.txt"), "").unwrap();
    fs::write(home.join("ca.cnf"), CONFIGURATION).unwrap();
    run(home, &[&["genpkey", "-out", "key.pem"], paper.key].concat());
    run(
        home,
        &["req", "-new", "-key", "key.pem", "-subj", &format!("/CN={name}"), "-out", "request.pem"],
    );
    let [from, to] = paper.time;
    let signer = match ca {
        Some(ca) => [ca.join("ca.pem"), ca.join("key.pem")].map(|it| it.display().to_string()),
        None => ["-".to_owned(), "key.pem".to_owned()],
    };
    let mut sign = vec!["ca", "-batch", "-config", "ca.cnf", "-in", "request.pem", "-notext"];
    sign.extend(["-out", "cert.pem", "-extfile", "extensions", "-md", paper.digest]);
    sign.extend(["-startdate", from, "-enddate", to, "-keyfile", &signer[1]]);
    match ca {
        Some(_) => sign.extend(["-cert", &signer[0]]),
        None => sign.push("-selfsign"),
    }
    run(home, &sign);
}

const CONFIGURATION: &str = "[ca]\ndefault_ca = any\n[any]\nnew_certs_dir = .\ndatabase = index.txt\n\
    unique_subject = no\nrand_serial = yes\npolicy = policy\n[policy]\ncommonName = supplied\n";

/// Makes a CA in `home`.
pub(crate) fn authority(home: &Path, ca: Option<&Path>, paper: Paper<'_>) {
    let paper = Paper { extensions: AUTHORITY, ..paper };
    issue(home, ca, paper);
    fs::copy(home.join("cert.pem"), home.join("ca.pem")).unwrap();
}

/// Runs a command of OpenSSL's in a directory.
pub(crate) fn run(dir: &Path, arguments: &[&str]) -> Output {
    let output = Command::new("openssl").current_dir(dir).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Connects with OpenSSL's client and more arguments, says nothing, and returns all that it printed.
pub(crate) fn connect(stage: &Stage, more: &[&str]) -> String {
    let ca = stage.home("police", Role::Service).join("ca.pem");
    let output = Command::new("openssl")
        .args(["s_client", "-connect", &stage.address, "-CAfile", ca.to_str().unwrap()])
        .args(["-verify_return_error", "-alpn", "h2"])
        .args(more)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr];
    format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr))
}

/// Shows the certificate and the chain of a directory, however weak they are, and waits until the broker has had
/// enough of it.
pub(crate) fn refused(stage: &Stage, home: &Path) -> String {
    show(stage, home, &["-ign_eof"])
}

/// The same, and leaves.
pub(crate) fn shown(stage: &Stage, home: &Path) -> String {
    show(stage, home, &[])
}

fn show(stage: &Stage, home: &Path, more: &[&str]) -> String {
    let [certificate, key] = ["cert.pem", "key.pem"].map(|name| path(home.join(name)));
    let mut arguments = vec!["-tls1_3", "-cipher", "DEFAULT:@SECLEVEL=0"];
    arguments.extend(["-cert", &certificate, "-key", &key]);
    let chain = home.join("chain.pem");
    let chain = chain.exists().then(|| path(chain));
    arguments.extend(chain.iter().flat_map(|chain| ["-cert_chain", chain]));
    arguments.extend(more);
    connect(stage, &arguments)
}

fn path(path: PathBuf) -> String {
    path.into_os_string().into_string().unwrap()
}
