//! Keys, from PEM. A private key is in no message, and in nothing that is written.

use std::fmt;

use aws_lc_rs::digest::{self, SHA256};
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _,
    ParsedPublicKey, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Why something is no key that can be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No PEM, or one of something else.
    #[error("expected a {expected} in PEM form, found {found}")]
    Form {
        /// What was looked for.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// A key under a passphrase.
    #[error(
        "the private key is encrypted; give an unencrypted one, for example from a secret store: \
         openssl pkcs8 -topk8 -nocrypt"
    )]
    Encrypted,
    /// What stands between the lines of the PEM is no such key.
    #[error(
        "the key is not an ECDSA key on the curve P-256; make one with: openssl ecparam -name prime256v1 -genkey"
    )]
    Curve,
    /// The provider of the cryptography refused.
    #[error("unable to sign")]
    Sign,
}

/// A key that signs.
pub struct SigningKey {
    pair: EcdsaKeyPair,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SigningKey")
    }
}

impl SigningKey {
    /// The key in a text: PKCS#8 (`PRIVATE KEY`) or SEC 1 (`EC PRIVATE KEY`).
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let expected = "private key (PKCS#8)";
        let blocks = blocks(text);
        // openssl writes the parameters of the curve before a key of the older form.
        let block = blocks.iter().find(|block| block.label != "EC PARAMETERS");
        let block = block.ok_or(KeyError::Form {
            expected,
            found: "none".to_owned(),
        })?;
        if block.label.contains("ENCRYPTED") || block.body.contains("ENCRYPTED") {
            return Err(KeyError::Encrypted);
        }
        if !["PRIVATE KEY", "EC PRIVATE KEY"].contains(&block.label) {
            return Err(KeyError::Form {
                expected,
                found: block.name(),
            });
        }
        let der = block.der().ok_or(KeyError::Curve)?;
        let pair = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_ASN1_SIGNING, &der);
        pair.map(|pair| Self { pair }).map_err(|_| KeyError::Curve)
    }

    /// A signature over a message, DER.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature = self.pair.sign(&SystemRandom::new(), message);
        signature
            .map(|signature| signature.as_ref().to_vec())
            .map_err(|_| KeyError::Sign)
    }

    /// What tells the key from others in a bundle.
    pub fn hint(&self) -> Result<String, KeyError> {
        let der: Result<PublicKeyX509Der<'_>, _> = self.pair.public_key().as_der();
        der.map(|der| hint(der.as_ref()))
            .map_err(|_| KeyError::Sign)
    }
}

/// A key that checks signatures.
pub struct PublicKey {
    key: ParsedPublicKey,
    der: Vec<u8>,
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PublicKey({})", self.hint())
    }
}

impl PublicKey {
    /// The key in a text: `SubjectPublicKeyInfo` (`PUBLIC KEY`).
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let blocks = blocks(text);
        let found = blocks
            .first()
            .map_or_else(|| "none".to_owned(), Block::name);
        let block = blocks.iter().find(|block| block.label == "PUBLIC KEY");
        let block = block.ok_or(KeyError::Form {
            expected: "public key",
            found,
        })?;
        let der = block.der().ok_or(KeyError::Curve)?;
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &der).parse();
        key.map(|key| Self { key, der })
            .map_err(|_| KeyError::Curve)
    }

    /// Whether the signature (DER) is this key's over the message.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verify_sig(message, signature).is_ok()
    }

    /// What tells the key from others in a bundle.
    pub fn hint(&self) -> String {
        hint(&self.der)
    }
}

/// As cosign makes it: the SHA-256 of the `SubjectPublicKeyInfo`, base64.
fn hint(der: &[u8]) -> String {
    STANDARD.encode(digest::digest(&SHA256, der))
}

/// A block of PEM (RFC 7468).
struct Block<'t> {
    label: &'t str,
    body: &'t str,
}

impl Block<'_> {
    fn name(&self) -> String {
        // Labels are words; what is none may be anything, a key included.
        let is_word = |letter: char| letter.is_ascii_uppercase() || letter == ' ';
        if self.label.len() <= 40 && self.label.chars().all(is_word) {
            return self.label.to_lowercase();
        }
        "something else".to_owned()
    }

    fn der(&self) -> Option<Vec<u8>> {
        let digits: String = self.body.split_whitespace().collect();
        STANDARD.decode(digits).ok()
    }
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let Some((label, body)) = after.split_once("-----") else {
            break;
        };
        let Some((body, after)) = body.split_once("-----END ") else {
            break;
        };
        blocks.push(Block { label, body });
        rest = after;
    }
    blocks
}
