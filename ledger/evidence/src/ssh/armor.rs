//! The armor of an SSH signature, byte for byte as `ssh-keygen -Y sign` writes it.

use base64ct::{Base64, Encoding};
use provlog_core::encoding::Foreign;

/// Largest armor, in bytes. The largest signature that is taken has 2,384 (see [`super::NAMESPACE_BYTES_MAX`]), which are
/// 3,180 characters in 46 lines, and 59 of header and footer. Twice that, so that one by a key of a later type (ML-DSA-44 with
/// Ed25519: 5,402) is refused by its name.
pub const ARMOR_BYTES_MAX: usize = 8 * 1024;

const HEADER: &str = "-----BEGIN SSH SIGNATURE-----\n";
const FOOTER: &str = "-----END SSH SIGNATURE-----\n";
const LINE_CHARACTERS: usize = 70;

/// Why a text isn't an armored signature.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ArmorError {
    /// Over its limit.
    #[error("SSH signature: at most {ARMOR_BYTES_MAX} bytes, got {0}")]
    Bytes(usize),
    /// Text that was written anew on its way.
    #[error("SSH signature, {0}")]
    Foreign(Foreign),
    /// Something else.
    #[error(
        "SSH signature: expected -----BEGIN SSH SIGNATURE-----, base64 in lines of {LINE_CHARACTERS} characters, and \
         -----END SSH SIGNATURE-----, each line ended by a newline, as `ssh-keygen -Y sign` writes it"
    )]
    Form,
}

/// The bytes within.
pub(super) fn open(armor: &[u8]) -> Result<Vec<u8>, ArmorError> {
    if armor.len() > ARMOR_BYTES_MAX {
        return Err(ArmorError::Bytes(armor.len()));
    }
    let form = || Foreign::of(armor).map_or(ArmorError::Form, ArmorError::Foreign);
    let text = std::str::from_utf8(armor).map_err(|_| form())?;
    let body = text.strip_prefix(HEADER).and_then(|rest| rest.strip_suffix(FOOTER)).ok_or_else(form)?;
    let blob = Base64::decode_vec(&body.replace('\n', "")).map_err(|_| form())?;
    // One signature, one text: whatever else could be read as these bytes was written by something else.
    if close(&blob) == text { Ok(blob) } else { Err(form()) }
}

/// The armor around these bytes.
pub(super) fn close(blob: &[u8]) -> String {
    let base64 = Base64::encode_string(blob);
    let mut text = String::from(HEADER);
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE_CHARACTERS));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str(FOOTER);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_where_ssh_keygen_ends_them() {
        // 52 bytes are 72 characters, of which two stand in a line of their own; 105 are two full lines.
        for (length, lines) in [(1, 1), (51, 1), (52, 2), (54, 2), (105, 2), (106, 3)] {
            let blob = vec![7; length];
            let armor = close(&blob);
            assert_eq!(armor.lines().count() - 2, lines, "{length}");
            assert_eq!(open(armor.as_bytes()), Ok(blob));
        }
    }

    #[test]
    fn another_text_of_the_same_bytes_is_refused() {
        let armor = close(&[7; 60]);
        let others = [
            armor.trim_end().to_owned(),
            format!("{armor}\n"),
            format!("\n{armor}"),
            format!(" {armor}"),
            armor.replacen("Bwc", "Bwc\n", 1),
            armor.replacen("Bwc", "B wc", 1),
            armor.replacen("\n-----END", "\n\n-----END", 1),
            armor.replacen("-----\n", "-----\n\n", 1),
            armor.replacen("\n-----END", "-----END", 1),
            armor.replacen("BEGIN SSH", "BEGIN  SSH", 1),
        ];
        for other in others {
            assert_eq!(open(other.as_bytes()), Err(ArmorError::Form), "{other:?}");
        }
        let crlf = armor.replace('\n', "\r\n");
        assert_eq!(open(crlf.as_bytes()), Err(ArmorError::Foreign(Foreign::CarriageReturn(1))));
        assert_eq!(open(&[b'-'; ARMOR_BYTES_MAX + 1]), Err(ArmorError::Bytes(ARMOR_BYTES_MAX + 1)));
        assert_eq!(open(&close(&[7; 1]).into_bytes().repeat(2)), Err(ArmorError::Form));
    }
}
