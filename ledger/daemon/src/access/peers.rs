//! Callers by the user id of their process, which the kernel tells of whoever connects to a Unix socket.

use crate::access::role::Role;
use clap::ValueEnum;

/// The user that may do everything on a machine anyway.
const ROOT: u32 = 0;

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

impl Peers {
    /// Whether the operator named nobody.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What processes of the user `uid` may do on a daemon of the user `own_uid`. That one and root read the data folder and the
    /// log's key as they please: they have every role. `open` is whether others than those that the operator named may do
    /// everything, too.
    pub(crate) fn peer(&self, uid: u32, own_uid: u32, open: bool) -> Peer {
        let with =
            |roles: &[Role]| Peer { uid, roles: roles.into(), kinds: Vec::new(), environments: Vec::new() };
        if open || uid == ROOT || uid == own_uid {
            return with(Role::value_variants());
        }
        self.0.iter().find(|peer| peer.uid == uid).cloned().unwrap_or_else(|| with(&[]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_daemon_s_own_user_and_root_are_never_shut_out() {
        let named =
            |uid| Peer { uid, roles: vec![Role::Read], kinds: vec!["scan".into()], environments: Vec::new() };
        let peers = Peers([0, 7, 9].map(named).into());
        let all = Role::value_variants();
        for (uid, open, roles) in
            [(0, false, all), (7, false, all), (8, false, &[][..]), (8, true, all), (9, false, &[Role::Read])]
        {
            assert_eq!(peers.peer(uid, 7, open).roles, roles, "{uid} {open}");
        }
        assert!(peers.peer(7, 7, false).kinds.is_empty() && !peers.peer(9, 7, false).kinds.is_empty());
    }
}
