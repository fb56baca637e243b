//! Encodes any name as a file name that is valid on every system.

use uuid::Uuid;

/// Longest encoded name, in bytes. With an extension it still fits the limit of every common file
/// system.
const MAX_LENGTH: usize = 120;
/// Bytes of a longer name that are kept in front of the digest, so that people recognize it.
const KEPT_LENGTH: usize = 80;

/// Namespace of the digests: the UUID version 5 of `calsync:file-name:1` in the URL namespace.
const DIGESTS: Uuid = Uuid::from_u128(0x443c8f3f_f49b_52d1_b11f_308c38827fb0);

/// Encodes a name as a file name: `[A-Za-z0-9._@-]` stay, every other byte becomes `%` and two hex
/// digits. Different names have different file names; no file name is hidden, contains a path, or
/// names a device. No name becomes `guest`, which is [`GUEST`].
///
/// A file name that is too long is cut and ends in `~` and a digest of the whole name.
pub(crate) fn file_name(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    let last = name.len().saturating_sub(1);
    let escape_first = is_reserved(name);
    for (at, byte) in name.bytes().enumerate() {
        let dot = byte == b'.' && (at == 0 || at == last);
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'@' | b'-');
        if plain && !dot && !(at == 0 && escape_first) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            for digit in [byte >> 4, byte & 15] {
                encoded.push(char::from_digit(digit.into(), 16).unwrap_or('0').to_ascii_uppercase());
            }
        }
    }
    if encoded.is_empty() {
        // A `%` without digits is unambiguous: no other name has this encoding.
        encoded.push('%');
    }
    if encoded.len() > MAX_LENGTH {
        encoded.truncate(KEPT_LENGTH);
        encoded.push('~');
        encoded.push_str(
            Uuid::new_v5(&DIGESTS, name.as_bytes()).simple().encode_lower(&mut Uuid::encode_buffer()),
        );
    }
    encoded
}

/// Decodes a file name. Returns `None` if it was cut, so that only a digest is left, or if it is
/// not valid.
pub(crate) fn name_of(file_name: &str) -> Option<String> {
    if file_name == "%" {
        return Some(String::new());
    }
    let mut bytes = Vec::with_capacity(file_name.len());
    let mut rest = file_name.bytes();
    while let Some(byte) = rest.next() {
        let mut digit = || char::from(rest.next()?).to_digit(16);
        bytes.push(match byte {
            b'%' => u8::try_from(digit()? * 16 + digit()?).ok()?,
            b'~' => return None,
            plain => plain,
        });
    }
    String::from_utf8(bytes).ok()
}

/// Name of the folder of guests. No profile's id has this encoding.
pub(crate) const GUEST: &str = "guest";

/// Whether the name is a device on Windows, with any extension, or [`GUEST`].
fn is_reserved(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let numbered = |prefix| stem.strip_prefix(prefix).is_some_and(|rest| rest.len() == 1);
    matches!(stem.as_str(), "con" | "prn" | "aux" | "nul" | "conin$" | "conout$" | GUEST)
        || numbered("com")
        || numbered("lpt")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_names_stay_and_other_characters_are_escaped() {
        for plain in ["primary", "anna@example.org", "c_1.2-x", "0123456789abcdef0123456789abcdef"] {
            assert_eq!(file_name(plain), plain);
        }
        assert_eq!(file_name("../../x"), "%2E.%2F..%2Fx");
        assert_eq!(file_name(".hidden"), "%2Ehidden");
        assert_eq!(file_name("dot."), "dot%2E");
        assert_eq!(file_name(".."), "%2E%2E");
        assert_eq!(file_name("a b+é/\\:\0"), "a%20b%2B%C3%A9%2F%5C%3A%00");
        assert_eq!(file_name("NUL.ics"), "%4EUL.ics");
        assert_eq!(file_name("com1"), "%63om1");
        assert_eq!(file_name("guest"), "%67uest");
        assert_eq!(file_name(""), "%");
    }

    #[test]
    fn long_names_are_cut_and_stay_different() {
        let (a, b) = (file_name(&"é".repeat(500)), file_name(&"é".repeat(501)));
        assert_ne!(a, b);
        assert!(a.len() <= MAX_LENGTH && b.len() <= MAX_LENGTH, "{a}");
    }

    proptest! {
        #[test]
        fn every_name_becomes_a_unique_safe_file_name(name in any::<String>(), other in any::<String>()) {
            let encoded = file_name(&name);
            let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"._@-%~".contains(&byte);
            prop_assert!(encoded.bytes().all(safe) && !encoded.is_empty() && encoded.len() <= MAX_LENGTH);
            prop_assert!(!encoded.starts_with('.') && !encoded.ends_with('.'));
            prop_assert_eq!(name == other, encoded == file_name(&other));
            prop_assert_eq!(name_of(&encoded), (!encoded.contains('~')).then_some(name));
        }
    }
}
