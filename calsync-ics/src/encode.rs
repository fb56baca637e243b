//! Names of any kind as names of files, on any system.

use uuid::Uuid;

/// The longest encoded name, in bytes; with an ending still below what every file system takes.
const LONGEST: usize = 120;
/// How much of a longer one is kept to be recognised by.
const KEPT: usize = 80;

/// The namespace of the digests: version 5 of `calsync:file-name:1` under the URL namespace.
const DIGESTS: Uuid = Uuid::from_u128(0x443c8f3f_f49b_52d1_b11f_308c38827fb0);

/// A name as a file's: `[A-Za-z0-9._@-]` as they are, every other byte as `%` and two digits. Different names stay
/// different; none is hidden, leads elsewhere or means a device. `guest` is not among them: that is [`GUEST`].
///
/// What would be too long ends in `~` and a digest of the whole.
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
        // Encoded text never begins with a bare `%` and nothing after it.
        encoded.push('%');
    }
    if encoded.len() > LONGEST {
        encoded.truncate(KEPT);
        encoded.push('~');
        encoded.push_str(
            Uuid::new_v5(&DIGESTS, name.as_bytes()).simple().encode_lower(&mut Uuid::encode_buffer()),
        );
    }
    encoded
}

/// The name a file's name was made of; `None` where only its digest is left.
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

/// The folder of guests. No profile's id is encoded like this.
pub(crate) const GUEST: &str = "guest";

/// Names that mean a device on Windows, with any ending, and our own.
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
    fn plain_names_stay_and_others_are_tamed() {
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
        assert!(a.len() <= LONGEST && b.len() <= LONGEST, "{a}");
    }

    proptest! {
        #[test]
        fn no_name_leaves_its_folder(name in any::<String>(), other in any::<String>()) {
            let encoded = file_name(&name);
            let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"._@-%~".contains(&byte);
            prop_assert!(encoded.bytes().all(safe) && !encoded.is_empty() && encoded.len() <= LONGEST);
            prop_assert!(!encoded.starts_with('.') && !encoded.ends_with('.'));
            prop_assert_eq!(name == other, encoded == file_name(&other));
            prop_assert_eq!(name_of(&encoded), (!encoded.contains('~')).then_some(name));
        }
    }
}
