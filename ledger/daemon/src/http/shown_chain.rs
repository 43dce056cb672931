//! What a client showed of itself in its handshake, kept as it came.

use provlog_core::Hash;
use std::fmt;

/// Certificates that a client showed, its own first. TLS saw that the client has the key of that one; what any of them says, nobody
/// has verified.
#[derive(Clone, PartialEq, Eq)]
pub struct ShownChain {
    certificates: Box<[Box<[u8]>]>,
    digest: Hash,
}

/// Before what is hashed: no token starts like this.
const PREFIX: &[u8] = b"provlog-shown-chain\0";

impl ShownChain {
    /// These certificates, as DER or whatever else they may be.
    pub fn new<'a>(certificates: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let certificates: Box<[Box<[u8]>]> = certificates.into_iter().map(Into::into).collect();
        let mut text = PREFIX.to_vec();
        for certificate in &certificates {
            // Where one ends and the next begins is in it.
            text.extend(u64::try_from(certificate.len()).unwrap_or(u64::MAX).to_be_bytes());
            text.extend(&**certificate);
        }
        Self { certificates, digest: Hash::plain(&text) }
    }

    /// Its certificates, the client's own first.
    pub fn certificates(&self) -> impl Iterator<Item = &[u8]> {
        self.certificates.iter().map(AsRef::as_ref)
    }

    /// By what the same chain is known again.
    #[must_use]
    pub const fn digest(&self) -> Hash {
        self.digest
    }
}

impl fmt::Debug for ShownChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShownChain").field("certificates", &self.certificates.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_chains_have_two_digests_wherever_their_bytes_are_parted() {
        let digest = |certificates: &[&[u8]]| ShownChain::new(certificates.iter().copied()).digest();
        let chains: [&[&[u8]]; 5] = [&[], &[b""], &[b"ab"], &[b"a", b"b"], &[b"b", b"a"]];
        for (at, chain) in chains.iter().enumerate() {
            assert_eq!(digest(chain), digest(chain));
            assert!(chains[..at].iter().all(|other| digest(other) != digest(chain)), "{at}");
        }
    }
}
