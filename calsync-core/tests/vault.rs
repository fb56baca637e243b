//! Sealed tokens: which texts open, and which must not.
#![cfg(test)]

use calsync_core::auth::*;
use calsync_core::calendar::{ConnectionKey, Person};
use calsync_core::{ConnectionId, ProviderKind, Secret};
use proptest::prelude::*;

const SECRET: &str = "1//0a-Refresh-zq";

fn key(id: &str, first: u8) -> VaultKey {
    let mut bytes = [7; VaultKey::LEN];
    bytes[0] = first;
    VaultKey::new(id, bytes).unwrap()
}

fn vault() -> Vault {
    Vault::new("my-shop", key("k1", 1))
}

fn grant() -> ConnectionKey {
    ConnectionKey::new(Person::Profile(10.into()), ProviderKind::GOOGLE, 1)
}

fn sealed() -> String {
    vault().seal(&Secret::new(SECRET), &grant(), Purpose::REFRESH_TOKEN).unwrap()
}

fn opened(vault: &Vault, text: &str) -> Result<Opened, VaultError> {
    vault.open(text, &grant(), Purpose::REFRESH_TOKEN)
}

#[test]
fn a_sealed_text_opens_only_for_its_grant_purpose_and_namespace() {
    let text = sealed();
    let opens = opened(&vault(), &text).unwrap();
    assert_eq!((opens.secret.expose(), opens.reseal), (SECRET, false));
    assert_ne!(text, sealed(), "a nonce was used twice");
    assert!(!text.contains("Refresh"));

    let profile = |id: &str| Person::Profile(id.try_into().unwrap());
    let text_id = |id: &str| ConnectionId::text(id).unwrap();
    for foreign in [
        ConnectionKey::new(profile("11"), ProviderKind::GOOGLE, 1),
        ConnectionKey::new(profile("1"), ProviderKind::GOOGLE, 1),
        ConnectionKey::new(profile("10:1"), ProviderKind::GOOGLE, 1),
        ConnectionKey::new(Person::Guest, ProviderKind::GOOGLE, 1),
        ConnectionKey::new(profile("10"), ProviderKind::OUTLOOK, 1),
        ConnectionKey::new(profile("10"), ProviderKind::GOOGLE, 2),
        ConnectionKey::new(profile("10"), ProviderKind::GOOGLE, text_id("01")),
    ] {
        let error = vault().open(&text, &foreign, Purpose::REFRESH_TOKEN).unwrap_err();
        assert_eq!(error, VaultError::NotAuthentic, "{foreign}");
    }
    for purpose in [
        Purpose::ACCESS_TOKEN,
        Purpose::TOKENS,
        Purpose::PENDING,
        Purpose::REVOCATION,
        Purpose::from_static(""),
    ] {
        assert_eq!(vault().open(&text, &grant(), purpose).unwrap_err(), VaultError::NotAuthentic);
    }
    let elsewhere = Vault::new("other-shop", key("k1", 1));
    assert_eq!(opened(&elsewhere, &text).unwrap_err(), VaultError::NotAuthentic);
    // An id given as a number and as a text is the same id.
    let spelt = ConnectionKey::new(profile("10"), ProviderKind::GOOGLE, text_id("1"));
    assert!(vault().open(&text, &spelt, Purpose::REFRESH_TOKEN).is_ok());
}

#[test]
fn a_text_with_any_changed_bit_does_not_open() {
    let text = sealed();
    for at in 0..text.len() {
        for bit in 0..8 {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            if let Ok(changed) = String::from_utf8(bytes) {
                assert!(opened(&vault(), &changed).is_err(), "{changed}");
            }
        }
        assert!(opened(&vault(), &text[..at]).is_err());
    }
    for added in ["A", "AA", "=", ".", " ", "\n"] {
        assert!(opened(&vault(), &format!("{text}{added}")).is_err(), "{added:?}");
    }
}

#[test]
fn texts_of_an_older_key_still_open_after_a_rotation() {
    let old = sealed();
    let rotated = Vault::new("my-shop", key("k2", 2)).with_older_key(key("k1", 1)).unwrap();
    let opens = opened(&rotated, &old).unwrap();
    assert_eq!((opens.secret.expose(), opens.reseal), (SECRET, true));
    let new = rotated.seal(&opens.secret, &grant(), Purpose::REFRESH_TOKEN).unwrap();
    assert!(!opened(&rotated, &new).unwrap().reseal);

    assert_eq!(opened(&vault(), &new).unwrap_err(), VaultError::UnknownKey("k2".into()));
    let other_key = Vault::new("my-shop", key("k1", 9));
    assert_eq!(opened(&other_key, &old).unwrap_err(), VaultError::NotAuthentic);
    // A text whose key id was replaced.
    let renamed = Vault::new("my-shop", key("k3", 1));
    assert_eq!(opened(&renamed, &old.replace("k1", "k3")).unwrap_err(), VaultError::NotAuthentic);
    assert_eq!(rotated.with_older_key(key("k2", 3)).unwrap_err(), VaultError::DuplicateKeyId("k2".into()));
}

#[test]
fn a_text_that_is_not_sealed_is_reported() {
    let short = format!("cs1.k1.{}", "A".repeat(52));
    for (text, error) in [
        ("", VaultError::Malformed),
        ("ya29.a0Af-plain-token", VaultError::Malformed),
        ("cs1", VaultError::Malformed),
        ("cs1.k1", VaultError::Malformed),
        ("cs1.k1.", VaultError::Malformed),
        ("cs1..AAAA", VaultError::Malformed),
        ("cs1.k 1.AAAA", VaultError::Malformed),
        ("cs1.k1.AA+/", VaultError::Malformed),
        (&short, VaultError::Malformed),
        ("cs2.k1.AAAA", VaultError::Version),
        ("cs.k1.AAAA", VaultError::Malformed),
    ] {
        assert_eq!(opened(&vault(), text).unwrap_err(), error, "{text}");
    }
}

#[test]
fn a_key_can_be_written_as_text_and_read_again() {
    let generated = VaultKey::generate("2026-11").unwrap();
    let again = VaultKey::from_text("2026-11", &generated.to_text()).unwrap();
    let text = Vault::new("n", generated).seal(&Secret::new(SECRET), &grant(), Purpose::TOKENS).unwrap();
    assert!(Vault::new("n", again).open(&text, &grant(), Purpose::TOKENS).is_ok());
    assert_ne!(
        VaultKey::generate("a").unwrap().to_text().expose(),
        VaultKey::generate("a").unwrap().to_text().expose()
    );
    // As `openssl rand -base64 32` writes it.
    let openssl = format!("{}+/8=\n", "A".repeat(40));
    assert!(VaultKey::from_text("a", &Secret::new(openssl)).is_ok());
    for text in ["", "hunter2", &"A".repeat(42), &"A".repeat(44), &"A".repeat(64), &"é".repeat(43)] {
        assert_eq!(VaultKey::from_text("a", &Secret::new(text)).unwrap_err(), VaultError::Key, "{text}");
    }
    for id in ["", "a.b", "a b", "ä", &"a".repeat(33)] {
        assert_eq!(VaultKey::new(id, [0; 32]).unwrap_err(), VaultError::KeyId, "{id}");
    }
}

#[test]
fn tokens_and_pending_connects_can_be_sealed_and_opened() {
    let expiry = "2026-11-22T10:55:00Z".parse().unwrap();
    let whole = Tokens::new(Secret::new("at \"\u{e9}\u{1}"))
        .with_refresh_token(Secret::new("rt"))
        .with_expiry(expiry)
        .with_scopes(["a", "b"])
        .with_account(Some(Account::new("1042").with_address(Some(AccountAddress::new("anna@example.org")))));
    for tokens in [whole, Tokens::new(Secret::new("at")), Tokens::new(Secret::new("x".repeat(100_000)))] {
        let text = vault().seal_tokens(&tokens, &grant()).unwrap();
        let opened = vault().open_tokens(&text, &grant()).unwrap().secret;
        assert_eq!(opened.access_token.expose(), tokens.access_token.expose());
        assert_eq!(
            opened.refresh_token.as_ref().map(Secret::expose),
            tokens.refresh_token.as_ref().map(Secret::expose)
        );
        assert_eq!((opened.expires_at, opened.scopes), (tokens.expires_at, tokens.scopes));
        assert_eq!(opened.account, tokens.account);
    }
    let pending = serde_json::json!({"key": grant(), "client_id": "c", "token_url": "https://x/", "state": "s",
        "verifier": "v", "redirect": "https://x/", "scopes": [], "expires_at": "2026-11-22T10:10:00Z"});
    let pending: PendingConnect = serde_json::from_value(pending).unwrap();
    let text = vault().seal_pending(&pending, &grant()).unwrap();
    assert!(vault().open_pending(&text, &grant()).unwrap().is_of("s"));
    // Sealed for the right purpose, but the content is not tokens.
    let other = vault().seal(&Secret::new("not JSON"), &grant(), Purpose::TOKENS).unwrap();
    assert_eq!(vault().open_tokens(&other, &grant()).unwrap_err(), VaultError::Content);
}

#[test]
fn neither_debug_nor_errors_show_a_key_or_a_secret() {
    let key = VaultKey::from_text("k1", &Secret::new("zqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqzqw")).unwrap();
    let vault = Vault::new("my-shop", key.clone());
    let text = vault.seal(&Secret::new(SECRET), &grant(), Purpose::REFRESH_TOKEN).unwrap();
    let opened = vault.open(&text, &grant(), Purpose::REFRESH_TOKEN).unwrap();
    let mut printed = format!("{key:?} {vault:?} {opened:?} {:?}", key.to_text());
    for error in [
        vault.open(&text, &grant(), Purpose::TOKENS).unwrap_err(),
        vault.open(SECRET, &grant(), Purpose::TOKENS).unwrap_err(),
        vault.open(&format!("cs1.{SECRET}.AAAA"), &grant(), Purpose::TOKENS).unwrap_err(),
        VaultKey::from_text(SECRET, &key.to_text()).unwrap_err(),
        VaultKey::from_text("k", &Secret::new(SECRET)).unwrap_err(),
    ] {
        printed.push_str(&format!("{error} {error:?}"));
    }
    assert!(!printed.contains("zq") && !printed.contains("206, 170"), "{printed}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_secret_can_be_sealed_and_opened(secret in ".*", namespace in ".*", id in "\\PC{1,40}") {
        let vault = Vault::new(namespace, key("k1", 1));
        let grant = ConnectionKey::new(Person::Profile((*id).try_into().unwrap()), ProviderKind::GOOGLE, 1);
        let text = vault.seal(&Secret::new(secret.clone()), &grant, Purpose::TOKENS).unwrap();
        prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
        let opened = vault.open(&text, &grant, Purpose::TOKENS).unwrap();
        prop_assert_eq!(opened.secret.expose(), secret);
    }

    #[test]
    fn no_text_causes_a_panic(text in ".*", body in "[A-Za-z0-9_-]{0,80}") {
        prop_assert!(opened(&vault(), &text).is_err());
        let sealed = format!("cs1.k1.{body}");
        prop_assert!(opened(&vault(), &sealed).is_err());
    }
}
