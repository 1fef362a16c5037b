//! `portway status`: how the broker stands, as far as the caller may know.

use super::{
    Global,
    output::{Failure, Output},
};
use crate::{client::json, domain::Hex, pb::v1 as pb};

/// Runs `portway status`.
pub(super) async fn run(global: &Global, out: Output) -> Result<(), Failure> {
    let status = global.connect().await?.status().await?;
    if out.json {
        out.document(&json::to_value(&status)?);
        return Ok(());
    }
    out.text(format_args!("broker      portway {}", status.version));
    out.text(format_args!("log         {}", status.origin));
    out.text(format_args!("entries     {}", status.checkpoint.lines().nth(1).unwrap_or_default()));
    out.text(format_args!("you are     {}", status.caller));
    if let Some(started) = status.started_at {
        out.text(format_args!("started     {started}"));
    }
    // What only operators are told is zero for everybody else.
    if status.caller.contains("/operator/") {
        out.text(format_args!("connections {}", status.connections));
        out.text(format_args!("streams     {}", status.streams));
        out.text(format_args!("agreements  {} in force", status.agreements_in_force));
        out.text(format_args!("subscribed  {}", status.subscriptions));
        out.text(format_args!("live alerts {}", status.live_alerts));
    }
    if let Some(generation) = &status.generation {
        say_generation(generation, out);
    }
    let agencies = |list: &[String]| list.join(", ");
    if !status.agencies_suspended.is_empty() {
        out.text(format_args!("suspended   {}", agencies(&status.agencies_suspended)));
    }
    if !status.agencies_revoked.is_empty() {
        out.text(format_args!("revoked     {}", agencies(&status.agencies_revoked)));
    }
    if let Some(index) = status.sweep_halted.checked_sub(1) {
        out.text(format_args!("erasure     by term waits since record {index}: confirm the clock"));
    }
    if status.records_erased_below > 0 {
        let below = status.records_erased_below;
        out.text(format_args!("records     below {below} are erased where nothing needs them"));
    }
    if status.agreements_witnessed > 0 {
        say_waiting(&status, out);
    }
    for witness in &status.witnesses {
        say_witness(witness, out);
    }
    for (reason, count) in &status.handshakes_refused {
        out.text(format_args!("handshakes turned away, {reason}: {count}"));
    }
    Ok(())
}

/// Says what a witness is waited for, and whether one comes.
fn say_waiting(status: &pb::GetStatusResponse, out: Output) {
    let waits = status.agreements_witnessed;
    let comes = if status.witnesses.is_empty() {
        "none is asked, so that nothing of them leaves"
    } else if status.witnesses.iter().any(|witness| witness.fault.is_empty()) {
        "one cosigns"
    } else {
        "none cosigns, so that nothing of them leaves"
    };
    out.text(format_args!("waits       for a witness: {waits} agreements; {comes}"));
}

/// Says how a witness stands.
fn say_witness(witness: &pb::WitnessStatus, out: Output) {
    let pb::WitnessStatus { name, size, cosigned_at, behind_since, fault } = witness;
    let at = cosigned_at.map(|at| format!(" at {at}")).unwrap_or_default();
    let behind = behind_since.map(|since| format!(", behind since {since}")).unwrap_or_default();
    let fault = if fault.is_empty() { String::new() } else { format!(", {fault}") };
    out.text(format_args!("witness     {name}: {size} entries{at}{behind}{fault}"));
}

/// Says which certificates, CAs, lists, agencies and rules are in force.
fn say_generation(generation: &pb::Generation, out: Output) {
    let (taken, refused) = (generation.taken, generation.refused);
    let digest = Hex(&generation.digest);
    out.text(format_args!(
        "generation  {digest}, number {taken} since the start, {refused} refused"
    ));
    if !generation.fault.is_empty() {
        out.text(format_args!("refused     {}", generation.fault));
    }
    if let Some(end) = generation.server_not_after {
        out.text(format_args!("certificate of the broker until {end}"));
    }
    for crl in &generation.crls {
        let next = crl.next_update.map(|it| it.to_string()).unwrap_or_default();
        out.text(format_args!("crl         {}, number {}, until {next}", crl.file, crl.number));
    }
}
