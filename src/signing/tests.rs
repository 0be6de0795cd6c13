//! Keys of all forms, and bundles that were tampered with.

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::*;

fn pem(label: &str, der: &[u8]) -> String {
    let digits = STANDARD.encode(der);
    let lines: Vec<&str> = (0..digits.len())
        .step_by(64)
        .map(|start| &digits[start..digits.len().min(start + 64)])
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

fn keys() -> (SigningKey, PublicKey, String) {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let private = pem("PRIVATE KEY", pair.to_pkcs8v1().unwrap().as_ref());
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    let public = PublicKey::from_pem(&pem("PUBLIC KEY", public.as_ref())).unwrap();
    (SigningKey::from_pem(&private).unwrap(), public, private)
}

#[test]
fn a_signature_is_of_one_key_over_one_message() {
    let (key, public, _) = keys();
    let (_, other, _) = keys();
    let mut signature = key.sign(b"message").unwrap();
    assert!(public.verifies(b"message", &signature));
    assert!(!public.verifies(b"messagf", &signature));
    assert!(!other.verifies(b"message", &signature));
    assert!(!public.verifies(b"message", b""));
    let last = signature.len() - 1;
    signature[last] ^= 1;
    assert!(!public.verifies(b"message", &signature));
    assert_eq!(key.hint().unwrap(), public.hint());
}

#[test]
fn what_is_no_usable_key_is_named_and_never_shown() {
    let (_, _, private) = keys();
    let secret = private.lines().nth(1).unwrap().to_owned();
    let encrypted = private.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let old = "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: x\n\nAAAA\n-----END EC PRIVATE KEY-----\n";
    let truncated = private.replacen(&secret, &secret[..8], 1);
    let odd = private.replace("PRIVATE KEY", &secret);
    let table = [
        (
            "",
            "expected a private key (PKCS#8) in PEM form, found none",
        ),
        (
            "secret",
            "expected a private key (PKCS#8) in PEM form, found none",
        ),
        (encrypted.as_str(), "the private key is encrypted"),
        (old, "the private key is encrypted"),
        (
            truncated.as_str(),
            "the key is not an ECDSA key on the curve P-256",
        ),
        (
            odd.as_str(),
            "expected a private key (PKCS#8) in PEM form, found something else",
        ),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nAA\n-----END RSA PRIVATE KEY-----",
            "found rsa private key",
        ),
        (
            "-----BEGIN PUBLIC KEY-----\nAA\n-----END PUBLIC KEY-----",
            "found public key",
        ),
    ];
    for (text, expected) in table {
        let error = SigningKey::from_pem(text).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(expected), "{shown}");
        assert!(!shown.contains(&secret[..8]), "{shown}");
    }
    let error = PublicKey::from_pem(&private).unwrap_err().to_string();
    assert_eq!(
        error,
        "expected a public key in PEM form, found private key"
    );
    let (key, _, _) = keys();
    assert_eq!(format!("{key:?}"), "SigningKey");
}

#[test]
fn a_message_bundle_is_held_against_file_and_key() {
    let (key, public, _) = keys();
    let (_, other, _) = keys();
    let signature = key.sign(b"content").unwrap();
    let text = key.message_bundle(b"content", &signature).unwrap();
    assert_eq!(open_message(&text, b"content", &public), Ok(()));
    let bundle: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(bundle["verificationMaterial"]["tlogEntries"], json!([]));
    let error = |text: &str, content: &[u8], key: &PublicKey| {
        open_message(text, content, key).unwrap_err().to_string()
    };
    assert!(error(&text, b"other", &public).starts_with("it is about another file"));
    assert!(error(&text, b"content", &other).ends_with("; it names another key"));
    let changed = |pointer: &str, value: Value| {
        let mut changed = bundle.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        changed.to_string()
    };
    let table = [
        ("/mediaType", json!("x"), "its media type is \"x\""),
        (
            "/messageSignature/signature",
            json!(STANDARD.encode(b"x")),
            "the signature is not one of this key",
        ),
        (
            "/messageSignature/signature",
            json!("!"),
            "it is no Sigstore bundle: a value is not base64",
        ),
        (
            "/messageSignature/messageDigest/algorithm",
            json!("SHA2_512"),
            "it is about another file",
        ),
        (
            "/messageSignature",
            Value::Null,
            "it is no Sigstore bundle: it has no messageSignature",
        ),
        (
            "/verificationMaterial",
            json!(7),
            "it is no Sigstore bundle: invalid type",
        ),
    ];
    for (pointer, value, expected) in table {
        let found = error(&changed(pointer, value), b"content", &public);
        assert!(found.starts_with(expected), "{pointer}: {found}");
    }
}

#[test]
fn an_envelope_is_held_against_its_key() {
    let (key, public, _) = keys();
    let text = key.statement_bundle(b"{}").unwrap();
    assert_eq!(open_envelope(&text, &public).unwrap().payload, b"{}");
    let bundle: Value = serde_json::from_str(&text).unwrap();
    let mut changed = bundle.clone();
    changed["dsseEnvelope"]["payload"] = json!(STANDARD.encode(b"[]"));
    assert!(open_envelope(&changed.to_string(), &public).is_err());
    let mut changed = bundle.clone();
    changed["dsseEnvelope"]["payloadType"] = json!("text/plain");
    let error = open_envelope(&changed.to_string(), &public).unwrap_err();
    assert!(error.to_string().contains("not a statement"), "{error}");
    let mut changed = bundle;
    changed["dsseEnvelope"]["signatures"] = json!([]);
    let error = open_envelope(&changed.to_string(), &public).unwrap_err();
    assert!(error.to_string().contains("not one signature"), "{error}");
    assert!(Statement::of(b"{}").is_err());
}
