//! Keeps the structure and the documents honest: what ARCHITECTURE.md, docs/ and the samples say is
//! held against the sources. Each check names the file at fault. Nothing here runs the broker.

#[cfg(test)]
mod documents;
#[cfg(test)]
mod floors;
#[cfg(test)]
mod governance;
#[cfg(test)]
mod law;
#[cfg(test)]
mod links;
#[cfg(test)]
mod lock;
#[cfg(test)]
mod promises;
#[cfg(test)]
mod proto;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod shape;
#[cfg(test)]
mod table;
#[cfg(test)]
mod tree;
#[cfg(test)]
mod words;
