//! What the system refused, found among the causes of any error: judged here once, whatever was being done.

use rustix::io::Errno;
use std::error::Error;
use std::io;
use std::iter;

/// A refusal that says more of the machine than of what was being done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    /// Permissions, or a file system that is only read.
    Denied,
    /// No space, or no more of a quota.
    NoSpace,
    /// Too many files are open: it passes.
    Shortage,
}

impl Refusal {
    /// The refusal that led to `error`, if one did.
    pub(crate) fn behind(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut causes = iter::successors(Some(error), |error| (*error).source());
        let cause = causes.find_map(|error| error.downcast_ref::<io::Error>())?;
        let code = cause.raw_os_error().map(Errno::from_raw_os_error);
        match cause.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Some(Self::Denied),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(Self::NoSpace),
            _ if matches!(code, Some(Errno::MFILE | Errno::NFILE)) => Some(Self::Shortage),
            _ => None,
        }
    }
}
