//! SSH signatures of vectors, by keys that everybody knows, with what is wrong in some of them.

use base64ct::{Base64, Base64Unpadded, Encoding};
use ed25519_dalek::{Signer as _, SigningKey};
use provlog_core::Hash;
use sha2::{Digest, Sha256, Sha512};

const HEADER: &str = "-----BEGIN SSH SIGNATURE-----\n";
const FOOTER: &str = "-----END SSH SIGNATURE-----\n";

/// A key of Ed25519, and how it signs.
pub struct Signer {
    key: SigningKey,
    /// Of a key on a device alone.
    pub application: Option<&'static str>,
    pub flags: u8,
    pub hash: &'static str,
    pub reserved: &'static str,
}

impl Signer {
    pub fn new(name: &str) -> Self {
        let seed = Hash::plain(format!("provlog test vectors: {name}").as_bytes()).0;
        let key = SigningKey::from_bytes(&seed);
        Self { key, application: None, flags: 0x01, hash: "sha512", reserved: "" }
    }

    pub fn on_device(name: &str) -> Self {
        Self { application: Some("ssh:"), ..Self::new(name) }
    }

    const fn key_type(&self) -> &'static str {
        if self.application.is_some() { "sk-ssh-ed25519@openssh.com" } else { "ssh-ed25519" }
    }

    fn key_blob(&self) -> Vec<u8> {
        let key = [string(self.key_type().as_bytes()), string(self.key.verifying_key().as_bytes())].concat();
        let application = self.application.map(|application| string(application.as_bytes()));
        [key, application.unwrap_or_default()].concat()
    }

    /// Its type and its base64, as a roster's line ends.
    pub fn line(&self) -> String {
        format!("{} {}", self.key_type(), Base64::encode_string(&self.key_blob()))
    }

    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", Base64Unpadded::encode_string(&Sha256::digest(self.key_blob())))
    }

    /// What stands in the armor.
    pub fn sign(&self, namespace: &str, message: &str) -> Vec<u8> {
        let digest = match self.hash {
            "sha256" => Sha256::digest(message).to_vec(),
            _ => Sha512::digest(message).to_vec(),
        };
        let of_both = [namespace, self.reserved, self.hash].map(|field| string(field.as_bytes())).concat();
        let signed = [b"SSHSIG", &of_both[..], &string(&digest)].concat();
        let key_type = string(self.key_type().as_bytes());
        let signature = match self.application {
            None => [key_type, string(&self.key.sign(&signed).to_bytes())].concat(),
            Some(application) => {
                let by_device = [&[self.flags][..], &7_u32.to_be_bytes()].concat();
                let signed =
                    [&Sha256::digest(application)[..], &by_device, &Sha256::digest(&signed)].concat();
                [key_type, string(&self.key.sign(&signed).to_bytes()), by_device].concat()
            }
        };
        let head = [b"SSHSIG", &1_u32.to_be_bytes()[..], &string(&self.key_blob())].concat();
        [head, of_both, string(&signature)].concat()
    }
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

/// The armor around these bytes, in lines of so many characters.
pub fn armor(blob: &[u8], columns: usize) -> String {
    let base64 = Base64::encode_string(blob);
    let mut text = String::from(HEADER);
    for line in base64.as_bytes().chunks(columns) {
        text += std::str::from_utf8(line).unwrap();
        text += "\n";
    }
    text + FOOTER
}

/// The bytes within.
pub fn blob(armor: &str) -> Vec<u8> {
    let base64 = armor.strip_prefix(HEADER).unwrap().strip_suffix(FOOTER).unwrap();
    Base64::decode_vec(&base64.replace('\n', "")).unwrap()
}
