//! Ids: their form, and how similar they are.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// Prefix of default ids, which change when an event moves to another calendar. Calendars have
/// default ids too.
const DEFAULT: &str = "AAMkA";
/// Prefix of immutable ids.
const IMMUTABLE: &str = "AAkALg";
/// Length of both kinds, in characters.
const LENGTH: usize = 48;

/// The default id of a mailbox's object.
pub(super) fn default_id(mailbox: &str, number: u64) -> String {
    id(DEFAULT, mailbox, number)
}

/// The immutable id of a mailbox's object.
pub(super) fn immutable_id(mailbox: &str, number: u64) -> String {
    id(IMMUTABLE, mailbox, number)
}

/// Four consecutive ids differ only in a letter's case or in the last `_` or `-`, as was seen
/// (office-js#4729).
fn id(prefix: &str, mailbox: &str, number: u64) -> String {
    let mut hash = Sha256::new();
    hash.update(prefix.as_bytes());
    hash.update(mailbox.as_bytes());
    hash.update((number / 4).to_be_bytes());
    let twist = match number % 4 {
        0 => "A_",
        1 => "A-",
        2 => "a_",
        _ => "a-",
    };
    let room = LENGTH - prefix.len() - twist.len() - 1;
    let middle: String = URL_SAFE_NO_PAD.encode(hash.finalize()).chars().take(room).collect();
    format!("{prefix}{middle}{twist}=")
}

/// Whether a text has the form of an id: base64url with a known prefix.
pub(super) fn is_well_formed(id: &str) -> bool {
    let bare = id.trim_end_matches('=');
    (id.starts_with(DEFAULT) || id.starts_with(IMMUTABLE))
        && id.len().is_multiple_of(4)
        && id.len() - bare.len() <= 2
        && id.len() >= 12
        && bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// A GUID made of the first 16 bytes.
pub(super) fn guid(bytes: [u8; 32]) -> String {
    let hex: String = bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-4{}-a{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_similar_but_unique() {
        let all: Vec<String> = (0..40)
            .flat_map(|n| [default_id("anna", n), immutable_id("anna", n), default_id("bo", n)])
            .collect();
        let unique: std::collections::BTreeSet<&String> = all.iter().collect();
        assert_eq!(unique.len(), 120);
        assert!(all.iter().all(|id| is_well_formed(id) && id.len() == LENGTH), "{all:?}");
        let low: std::collections::BTreeSet<String> =
            all.iter().map(|id| id.to_lowercase().replace('-', "_")).collect();
        assert_eq!(low.len(), 30);
    }

    #[test]
    fn a_text_without_the_form_of_an_id_is_recognised() {
        let good = default_id("anna", 1);
        for bad in [
            "",
            "primary",
            "cs0v5k2m8qhd3t7r1pauj0eg4000",
            &good[1..],
            &good[..47],
            &format!("{good}===="),
            &good.replace('A', "/"),
            &good.replace('A', "+"),
            &good.replace('A', "%"),
        ] {
            assert!(!is_well_formed(bad), "{bad}");
        }
        assert_eq!(guid([0xab; 32]), "abababab-abab-4bab-abab-abababababab");
    }
}
