//! OpenSSH's keys and signatures (`SPEC.md` section 12.6): what `ssh-keygen` writes, read more strictly than it reads itself.

mod armor;
mod key;
mod signature;
mod wire;

pub use armor::{ARMOR_BYTES_MAX, ArmorError};
pub(crate) use key::fingerprint;
pub use key::{KEY_BYTES_MAX, KeyType, RSA_BITS_MAX, RSA_BITS_MIN, SshKey, SshKeyError};
pub use signature::{NAMESPACE_BYTES_MAX, Signed, SshSignature, SshSignatureError};
pub use wire::WireError;

#[cfg(test)]
pub(crate) mod tests;
