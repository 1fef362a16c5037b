//! The configuration of a broker whose certificates were made by `pki::Rehearsal`, as a file's text.

use std::fmt::Write;

use crate::domain::{AgencyId, TrustDomain};

/// Writes a configuration for the directory `broker` of a rehearsal. `by` names the command that writes it.
pub fn rehearsal(by: &str, domain: &TrustDomain, agencies: &[AgencyId], listen: &str) -> String {
    let mut text = format!(
        "# Written by portway {by}. Serve it again with: portway serve --config <this file>\n\n\
         [server]\nlisten = \"{listen}\"\nidentity = \"server\"\ntrust_domain = \"{domain}\"\n\n\
         [operators]\nca = \"ca/operators.pem\"\n\n\
         [journal]\nengine = \"segments\"\ndir = \"journal\"\n\n\
         [ledger]\nanchor_dir = \"anchor\"\nkeys_dir = \"keys\"\n\n\
         [views]\ndir = \"views\"\n"
    );
    for agency in agencies {
        // Writing to a string does not fail.
        write!(text, "\n[[agency]]\nid = \"{agency}\"\nca = \"ca/{agency}.pem\"\n")
            .unwrap_or_default();
    }
    text
}
