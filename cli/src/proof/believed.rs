//! The trust file that a verb believes which asks no log.

use crate::local::settings::{SettingsError, TrustArgs, TrustFile};
use crate::show::failure::Failure;
use crate::show::page;

/// The trust file, without which nothing can be believed. Says it where a repository's does not count.
pub(crate) fn open(args: &TrustArgs) -> Result<TrustFile, Failure> {
    let settings = args.settings()?;
    let trust = args.find(&settings)?.ok_or(SettingsError::NoTrust)?;
    if let Some(unheeded) = args.unheeded(&settings, false) {
        page::say(&unheeded);
    }
    Ok(trust)
}
