//! The partnership's key, under which tokens are derived until matching is blind. The broker never has it.

use std::{fs::File, io::Write, os::unix::fs::OpenOptionsExt, path::PathBuf};

use ring::rand::{SecureRandom, SystemRandom};

use super::DemoError;
use crate::adapters::token::TokenKey;
use crate::domain::Hex;

/// Makes the key, and leaves it in identity directories for their owner to read.
pub(super) fn make(homes: &[PathBuf]) -> Result<TokenKey, DemoError> {
    let mut key = [0; 32];
    SystemRandom::new()
        .fill(&mut key)
        .map_err(|_| DemoError::Task("the system has no randomness".to_owned()))?;
    for home in homes {
        let path = home.join("token.key");
        let file = File::options().create_new(true).write(true).mode(0o600).open(&path);
        file.and_then(|mut file| writeln!(file, "{}", Hex(&key)))
            .map_err(|error| DemoError::Directory { path, what: error.to_string() })?;
    }
    Ok(TokenKey::new(&key))
}
