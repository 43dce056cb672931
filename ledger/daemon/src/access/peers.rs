//! Callers by the user id of their process, which the kernel tells of whoever connects to a Unix socket.

use crate::access::role::Role;

/// The user ids that the operator named.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Peers(pub(crate) Vec<Peer>);

/// What processes of one user may do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Peer {
    /// The user's id.
    pub(crate) uid: u32,
    /// One at least.
    pub(crate) roles: Vec<Role>,
    /// Kinds that it may append; all where there are none.
    pub(crate) kinds: Vec<String>,
    /// Environments that it may append for; all where there are none.
    pub(crate) environments: Vec<String>,
}
