//! What can be typed. Each command's own arguments stand with the command.

use clap::{Parser, Subcommand};

use super::{
    agreement::AgreementCommand,
    audit::AuditCommand,
    backup::BackupArgs,
    bench::BenchArgs,
    cert::CertCommand,
    connect::Global,
    demo::DemoArgs,
    erase::EraseCommand,
    follow::FollowArgs,
    keys::KeysCommand,
    notices::NoticesArgs,
    operate::OperateCommand,
    publish::PublishArgs,
    reconcile::ReconcileArgs,
    restore::RestoreArgs,
    rights::RightsCommand,
    serve::{ConfigCommand, ServeArgs},
    subscription::SubscriptionCommand,
    views::ViewsCommand,
    witness::WitnessArgs,
};

/// A secure inter-agency information exchange
#[derive(Debug, Parser)]
#[command(name = "portway", version, arg_required_else_help = true, after_help = EXIT)]
pub struct Arguments {
    /// Who, where, and in which form.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Proposes, approves, withdraws and shows sharing agreements
    #[command(subcommand)]
    Agreement(AgreementCommand),
    /// Reads the log, exports it, and verifies offline what was exported
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Copies the log's journal and keys to two directories, whether or not the broker runs
    #[command(
        after_help = "Example:\n  portway backup --config portway.toml --to /backup/journal --keys-to /safe/keys"
    )]
    Backup(BackupArgs),
    /// Measures the broker on this machine, beside the machine's own limits
    #[command(after_help = "Example:\n  portway bench --subscribers 16")]
    Bench(BenchArgs),
    /// Makes keys, requests and small certificate authorities
    #[command(subcommand)]
    Cert(CertCommand),
    /// Checks the broker's configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Plays the whole exchange on this machine and checks everything
    #[command(after_help = "Example:\n  portway demo --dir /tmp/portway-demo")]
    Demo(DemoArgs),
    /// Has content of your agency's alerts erased by two officers, or held as evidence
    #[command(subcommand)]
    Erase(EraseCommand),
    /// Receives the alerts of a subscription
    Follow(FollowArgs),
    /// Rotates the log's key, and lists the keys that it has had
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Shows what your agency has to be told of alerts that it received, and acknowledges it
    Notices(NoticesArgs),
    /// Reloads the broker's certificates and rules; revokes, suspends and reinstates
    #[command(subcommand)]
    Operate(OperateCommand),
    /// Publishes alerts
    Publish(PublishArgs),
    /// Compares kept receipts and deliveries with the log, both ways
    Reconcile(ReconcileArgs),
    /// Verifies a backup, and puts it back into empty directories
    #[command(
        after_help = "Example:\n  portway restore --from /backup/journal --keys-from /safe/keys \\\n    --config portway.toml --anchor /anchor"
    )]
    Restore(RestoreArgs),
    /// Restricts and recalls alerts, records and answers objections, shows who was told
    #[command(subcommand)]
    Rights(RightsCommand),
    /// Runs the broker
    #[command(after_help = "Example:\n  portway serve --config config/portway.toml")]
    Serve(ServeArgs),
    /// Shows how the broker stands
    #[command(after_help = "Example:\n  portway status --json")]
    Status,
    /// Creates, deletes and lists subscriptions
    #[command(subcommand)]
    Subscription(SubscriptionCommand),
    /// Rebuilds the index of the log, and shows how it stands
    #[command(subcommand)]
    Views(ViewsCommand),
    /// Cosigns the checkpoints of logs, never two that contradict each other
    #[command(after_help = "Example:\n  portway witness --config witness.toml")]
    Witness(WitnessArgs),
}

const EXIT: &str = "Exit status: 0 done, 1 failed, 2 usage or configuration, 3 refused by policy, \
    4 verification failed, 5 not reachable or not authenticated, 6 partly done.";
