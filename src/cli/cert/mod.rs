//! `portway cert`: keys, requests and small CAs, as certs/README.md tells it step by step.

mod renew;

use std::{fs, path::PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    Global,
    output::{Exit, Failure, Output},
    wait,
};
use crate::{
    domain::{AgencyId, Clock, Name, Seat, SystemClock, Timestamp, TrustDomain},
    identity::authorities,
    pki::{self, Authority, Host, NewRequest, PkiError, Profile, Request, Scope},
};

pub use renew::RenewArgs;

/// Makes keys, requests and small certificate authorities.
#[derive(Debug, Subcommand)]
pub enum CertCommand {
    /// Makes the key and request of an agency's service
    Agency(AgencyArgs),
    /// Makes the key and request of one who audits the partnership
    Auditor(AuditorArgs),
    /// Makes a CA that signs for one agency, for the auditors, for the operators, or for servers
    Init(InitArgs),
    /// Lists the certificates in use and those that the broker issued, with their ends; officers see those of their agency
    #[command(after_help = "Example:\n  portway cert list")]
    List,
    /// Makes the key and request of an agency's information-governance officer
    Officer(OfficerArgs),
    /// Makes the key and request of one who runs the broker
    Operator(OperatorArgs),
    /// Replaces key and certificate of an identity, by the broker's issuer or by a CA elsewhere
    #[command(after_help = "Example:\n  portway cert renew")]
    Renew(RenewArgs),
    /// Makes the key and request of a broker
    Server(ServerArgs),
    /// Shows what stands in a certificate or request
    Show(ShowArgs),
    /// Signs a request with a CA made by `cert init`, if the CA's scope covers it
    Sign(SignArgs),
}

/// Arguments of `cert init`.
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("scope").required(true).args(["agency", "auditors", "operators", "server"]))]
pub struct InitArgs {
    /// Directory of the new CA: key.pem, ca.pem and ca.toml
    #[arg(long, value_name = "CADIR")]
    out: PathBuf,
    /// Common name of the CA; give each CA its own
    #[arg(long)]
    name: String,
    /// SPIFFE trust domain of the exchange
    #[arg(long, conflicts_with = "server", required_unless_present = "server")]
    trust_domain: Option<TrustDomain>,
    /// Signs services and officers of this agency
    #[arg(long)]
    agency: Option<AgencyId>,
    /// Signs auditors
    #[arg(long)]
    auditors: bool,
    /// Signs operators
    #[arg(long)]
    operators: bool,
    /// Signs servers
    #[arg(long)]
    server: bool,
    /// Days until it expires
    #[arg(long, default_value_t = pki::CA_DAYS)]
    days: u64,
}

/// What all commands that make a key have in common.
#[derive(Args, Debug)]
pub struct MakeArgs {
    /// Identity directory: key.pem and request.pem are put there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Signs at once with this CA, and puts cert.pem there too
    #[arg(long, value_name = "CADIR")]
    ca: Option<PathBuf>,
    /// Days until the certificate expires
    #[arg(long, default_value_t = pki::LEAF_DAYS, requires = "ca")]
    days: u64,
}

/// What the clients of a broker need besides.
#[derive(Args, Debug)]
pub struct ClientArgs {
    #[command(flatten)]
    make: MakeArgs,
    /// SPIFFE trust domain of the exchange
    #[arg(long)]
    trust_domain: TrustDomain,
    /// CA of the broker's server certificate; put there as ca.pem, by which the broker is known
    #[arg(long, value_name = "FILE")]
    server_ca: Option<PathBuf>,
}

/// Arguments of `cert agency`.
#[derive(Args, Debug)]
pub struct AgencyArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// The agency
    #[arg(long)]
    agency: AgencyId,
    /// Name of the service
    #[arg(long)]
    name: Name,
}

/// Arguments of `cert officer`.
#[derive(Args, Debug)]
pub struct OfficerArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// The agency
    #[arg(long)]
    agency: AgencyId,
    /// Id of the officer
    #[arg(long)]
    id: Name,
}

/// Arguments of `cert auditor`.
#[derive(Args, Debug)]
pub struct AuditorArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// Id of the auditor
    #[arg(long)]
    id: Name,
}

/// Arguments of `cert operator`.
#[derive(Args, Debug)]
pub struct OperatorArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// Id of the operator
    #[arg(long)]
    id: Name,
}

/// Arguments of `cert server`.
#[derive(Args, Debug)]
pub struct ServerArgs {
    #[command(flatten)]
    make: MakeArgs,
    /// DNS name or IP address that clients connect to; may be repeated
    #[arg(long = "host", value_name = "HOST", required = true)]
    hosts: Vec<Host>,
}

/// Arguments of `cert show`.
#[derive(Args, Debug)]
pub struct ShowArgs {
    /// A PEM file
    file: PathBuf,
}

/// Arguments of `cert sign`.
#[derive(Args, Debug)]
pub struct SignArgs {
    /// Directory of the CA
    #[arg(long, value_name = "CADIR")]
    ca: PathBuf,
    /// The request
    #[arg(long, value_name = "FILE")]
    request: PathBuf,
    /// Where the certificate goes, instead of stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Days until the certificate expires
    #[arg(long, default_value_t = pki::LEAF_DAYS)]
    days: u64,
}

/// Runs `portway cert`.
///
/// # Errors
///
/// A `Failure` with its exit status; nothing that existed has been changed.
pub fn run(command: CertCommand, global: &Global, out: Output) -> Result<(), Failure> {
    let now = SystemClock.now();
    match command {
        CertCommand::Agency(AgencyArgs { client, agency, name }) => {
            make_client(client, Seat::Service { agency, name }, now, out)
        }
        CertCommand::Auditor(AuditorArgs { client, id }) => {
            make_client(client, Seat::Auditor { id }, now, out)
        }
        CertCommand::Init(args) => init(args, now, out),
        CertCommand::List => wait(renew::list(global, out)),
        CertCommand::Officer(OfficerArgs { client, agency, id }) => {
            make_client(client, Seat::Officer { agency, id }, now, out)
        }
        CertCommand::Operator(OperatorArgs { client, id }) => {
            make_client(client, Seat::Operator { id }, now, out)
        }
        CertCommand::Renew(args) => wait(renew::renew(&args, global, out)),
        CertCommand::Server(ServerArgs { make, hosts }) => {
            let authority = open_authority(&make, now)?;
            let server_ca = authority.as_ref().map(|authority| authority.pem().to_owned());
            let new = Made::new(&Profile::Server { hosts }, authority.as_ref(), &make, now)?;
            new.save(server_ca.as_deref(), &make, out)
        }
        CertCommand::Show(args) => show(&args, out),
        CertCommand::Sign(args) => sign(&args, now, out),
    }
}

fn init(args: InitArgs, now: Timestamp, out: Output) -> Result<(), Failure> {
    let scope = match (args.trust_domain, args.agency) {
        (Some(domain), Some(agency)) => Scope::Agency { domain, agency },
        (Some(domain), None) if args.auditors => Scope::Auditors { domain },
        (Some(domain), None) => Scope::Operators { domain },
        (None, _) => Scope::Server,
    };
    let authority = Authority::create(&args.name, scope, args.days, now)?;
    authority.save(&args.out)?;
    let ca = args.out.join("ca.pem");
    out.either(&json!({"directory": args.out, "ca": ca}), ca.display());
    Ok(())
}

fn make_client(args: ClientArgs, seat: Seat, now: Timestamp, out: Output) -> Result<(), Failure> {
    let server_ca = match &args.server_ca {
        None => None,
        Some(path) => {
            authorities(path, now).map_err(PkiError::from)?;
            Some(read(path)?)
        }
    };
    let authority = open_authority(&args.make, now)?;
    let profile = Profile::Client { domain: args.trust_domain, seat };
    Made::new(&profile, authority.as_ref(), &args.make, now)?.save(
        server_ca.as_deref(),
        &args.make,
        out,
    )
}

/// A key and what belongs to it, complete before the first file is written.
struct Made {
    request: NewRequest,
    certificate: Option<String>,
}

impl Made {
    fn new(
        profile: &Profile,
        authority: Option<&Authority>,
        args: &MakeArgs,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let request = NewRequest::new(profile)?;
        let parsed = Request::parse(&request.pem)?;
        let certificate =
            authority.map(|authority| authority.sign(&parsed, args.days, now)).transpose()?;
        Ok(Self { request, certificate })
    }

    fn save(self, server_ca: Option<&str>, args: &MakeArgs, out: Output) -> Result<(), Failure> {
        let path = |name: &str| args.out.join(name);
        pki::create_directory(&args.out)?;
        pki::write_private(&path("key.pem"), &self.request.key_pem)?;
        pki::write_public(&path("request.pem"), &self.request.pem)?;
        if let Some(certificate) = &self.certificate {
            pki::write_public(&path("cert.pem"), certificate)?;
        }
        if let Some(server_ca) = server_ca {
            pki::write_public(&path("ca.pem"), server_ca)?;
        } else {
            out.say("still to come: ca.pem, the ca of the broker's server certificate");
        }
        if self.certificate.is_none() {
            out.say("still to come: cert.pem, once the ca has signed request.pem");
        }
        let certificate = self.certificate.map(|_| path("cert.pem"));
        let result = certificate.clone().unwrap_or_else(|| path("request.pem"));
        out.either(
            &json!({
                "directory": args.out,
                "request": path("request.pem"),
                "certificate": certificate,
            }),
            result.display(),
        );
        Ok(())
    }
}

fn show(args: &ShowArgs, out: Output) -> Result<(), Failure> {
    for description in pki::describe(read(&args.file)?.as_bytes())? {
        out.either(&json!(description), &description);
    }
    Ok(())
}

fn sign(args: &SignArgs, now: Timestamp, out: Output) -> Result<(), Failure> {
    let authority = Authority::open(&args.ca, now)?;
    let request = Request::parse(&read(&args.request)?)?;
    let certificate = authority.sign(&request, args.days, now)?;
    let descriptions = pki::describe(certificate.as_bytes())?;
    if let Some(path) = &args.out {
        pki::write_public(path, &certificate)?;
    } else if !out.json {
        out.raw(certificate.as_bytes());
    }
    for description in &descriptions {
        if out.json {
            let pem = args.out.is_none().then_some(&certificate);
            out.document(&json!({"file": args.out, "pem": pem, "certificate": description}));
        } else {
            out.say(description);
        }
    }
    Ok(())
}

fn open_authority(args: &MakeArgs, now: Timestamp) -> Result<Option<Authority>, Failure> {
    Ok(args.ca.as_ref().map(|dir| Authority::open(dir, now)).transpose()?)
}

fn read(path: &PathBuf) -> Result<String, Failure> {
    fs::read_to_string(path)
        .map_err(|error| Failure::usage(format_args!("{}: {error}", path.display())))
}

impl From<PkiError> for Failure {
    fn from(error: PkiError) -> Self {
        let exit = match &error {
            PkiError::OutOfScope | PkiError::Request(_) => Exit::Refused,
            PkiError::Days { .. }
            | PkiError::Expired
            | PkiError::Scope { .. }
            | PkiError::Trust(_)
            | PkiError::Unreadable => Exit::Usage,
            PkiError::File { .. } | PkiError::Make(_) | PkiError::Random => Exit::Failed,
        };
        Self::new(exit, error)
    }
}

#[cfg(test)]
mod tests;
