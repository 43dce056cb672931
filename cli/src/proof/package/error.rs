//! What keeps a package from being opened.

use crate::local::files::ReadError;

/// Why a package couldn't be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("{0}")]
    Form(String),
}
