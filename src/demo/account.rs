//! The account: short and readable, and as `demo.json`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    path::Path,
};

use serde_json::{Value, json};

use super::DemoError;

/// What came of the demo.
#[derive(Clone, Debug)]
pub struct Account {
    /// Where the broker listened.
    pub connect: String,
    /// Rows of the extracts.
    pub rows: usize,
    /// Rows that could not be turned into an alert.
    pub unreadable: usize,
    /// Alerts published.
    pub published: usize,
    /// Refusals by reason, at publish and at delivery, as recorded.
    pub refused: BTreeMap<String, u64>,
    /// Disclosures by sender and recipient, as recorded.
    pub disclosures: BTreeMap<(String, String), u64>,
    /// Origin of the log.
    pub origin: String,
    /// Entries of the exported log.
    pub size: u64,
    /// Root of the exported log, in hex.
    pub root: String,
    /// Checks that did not hold.
    pub faults: Vec<String>,
}

impl Account {
    /// Returns the account as `demo.json` has it.
    pub fn json(&self) -> Value {
        let disclosures: Vec<Value> = self
            .disclosures
            .iter()
            .map(|((from, to), count)| json!({ "from": from, "to": to, "count": count }))
            .collect();
        json!({
            "connect": self.connect,
            "rows": self.rows,
            "unreadable": self.unreadable,
            "published": self.published,
            "refused": self.refused,
            "disclosures": disclosures,
            "log": { "origin": self.origin, "size": self.size, "root": self.root },
            "verified": self.faults.is_empty(),
            "faults": self.faults,
        })
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), DemoError> {
        fs::write(path, format!("{}\n", self.json()))
            .map_err(|error| DemoError::Directory { path: path.into(), what: error.to_string() })
    }

    fn matrix(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: BTreeSet<&str> =
            self.disclosures.keys().flat_map(|(from, to)| [from.as_str(), to.as_str()]).collect();
        let width = names.iter().map(|name| name.len()).max().unwrap_or(0);
        writeln!(f, "\ndisclosures, sender by row and recipient by column")?;
        write!(f, "  {:width$}", "")?;
        for name in &names {
            write!(f, "  {}", column(name))?;
        }
        writeln!(f, "  {:>6}", "all")?;
        for from in &names {
            write!(f, "  {from:width$}")?;
            let mut all = 0;
            for to in &names {
                let pair = ((*from).to_owned(), (*to).to_owned());
                match self.disclosures.get(&pair) {
                    Some(count) => {
                        all += count;
                        write!(f, "  {count:>6}")?;
                    }
                    None => write!(f, "  {:>6}", "-")?,
                }
            }
            writeln!(f, "  {all:>6}")?;
        }
        Ok(())
    }
}

/// A column's head: as much of a name as six places hold.
fn column(name: &str) -> String {
    format!("{:>6}", name.chars().take(6).collect::<String>())
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let disclosed: u64 = self.disclosures.values().sum();
        writeln!(f, "rows of the extracts       {:>7}", self.rows)?;
        writeln!(f, "  without a usable person  {:>7}", self.unreadable)?;
        writeln!(f, "alerts published           {:>7}", self.published)?;
        writeln!(f, "views disclosed            {disclosed:>7}")?;
        self.matrix(f)?;
        writeln!(f, "\nrefusals, by reason")?;
        for (reason, count) in &self.refused {
            writeln!(f, "  {reason:32} {count:>6}")?;
        }
        writeln!(f, "\nlog {}", self.origin)?;
        writeln!(f, "  entries  {}", self.size)?;
        writeln!(f, "  root     {}", self.root)?;
        writeln!(
            f,
            "  exported, and verified offline entry by entry against its signed checkpoint"
        )?;
        if self.faults.is_empty() {
            write!(
                f,
                "\nevery view was recomputed from the extracts and the agreements: all as due"
            )
        } else {
            writeln!(f, "\nchecks that did not hold")?;
            self.faults.iter().try_for_each(|fault| writeln!(f, "  {fault}"))
        }
    }
}
