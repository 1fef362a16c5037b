//! What the whole room promises: known answers from elsewhere, and properties of any tree.

mod properties;
mod vectors;
