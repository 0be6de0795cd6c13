//! Sigstore bundles, version 0.3, with a key of the user's own: no certificate and no transparency log.

use aws_lc_rs::digest::{self, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::key::{KeyError, PublicKey, SigningKey};

/// `mediaType` of bundles of this version.
const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// `payloadType` of envelopes with a statement.
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// Why a bundle proves nothing.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BundleError {
    /// No such JSON.
    #[error("it is no Sigstore bundle: {0}")]
    Form(String),
    /// Of another version.
    #[error("its media type is {0:?}, and this program reads bundles of version 0.3")]
    MediaType(String),
    /// Of another file.
    #[error("it is about another file: its digest is {bundle}, and the file's is {file}")]
    Digest {
        /// The digest in the bundle, base64.
        bundle: String,
        /// The digest of the file, base64.
        file: String,
    },
    /// Of another key, or of other content.
    #[error("the signature is not one of this key over this content{0}")]
    Signature(&'static str),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    media_type: String,
    verification_material: Material,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message_signature: Option<MessageSignature>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dsse_envelope: Option<WrittenEnvelope>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Material {
    #[serde(default)]
    public_key: Hint,
    #[serde(default)]
    tlog_entries: Vec<Value>,
}

#[derive(Default, Serialize, Deserialize)]
struct Hint {
    #[serde(default)]
    hint: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MessageSignature {
    message_digest: MessageDigest,
    signature: String,
}

#[derive(Serialize, Deserialize)]
struct MessageDigest {
    algorithm: String,
    digest: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenEnvelope {
    payload: String,
    payload_type: String,
    signatures: Vec<WrittenSignature>,
}

#[derive(Serialize, Deserialize)]
struct WrittenSignature {
    sig: String,
    #[serde(default)]
    keyid: String,
}

/// What an envelope holds, checked.
#[derive(Debug)]
pub struct Envelope {
    /// The statement.
    pub payload: Vec<u8>,
}

fn bundle(key: &SigningKey) -> Result<Bundle, KeyError> {
    Ok(Bundle {
        media_type: MEDIA_TYPE.to_owned(),
        verification_material: Material {
            public_key: Hint { hint: key.hint()? },
            tlog_entries: Vec::new(),
        },
        message_signature: None,
        dsse_envelope: None,
    })
}

impl SigningKey {
    /// The bundle around a signature over a message.
    pub fn message_bundle(&self, message: &[u8], signature: &[u8]) -> Result<String, KeyError> {
        let bundle = Bundle {
            message_signature: Some(MessageSignature {
                message_digest: MessageDigest {
                    algorithm: "SHA2_256".to_owned(),
                    digest: STANDARD.encode(digest::digest(&SHA256, message)),
                },
                signature: STANDARD.encode(signature),
            }),
            ..bundle(self)?
        };
        written(&bundle)
    }

    /// The bundle around a statement, which it signs.
    pub fn statement_bundle(&self, statement: &[u8]) -> Result<String, KeyError> {
        let signature = self.sign(&authenticated(PAYLOAD_TYPE, statement))?;
        let bundle = Bundle {
            dsse_envelope: Some(WrittenEnvelope {
                payload: STANDARD.encode(statement),
                payload_type: PAYLOAD_TYPE.to_owned(),
                signatures: vec![WrittenSignature {
                    sig: STANDARD.encode(signature),
                    keyid: String::new(),
                }],
            }),
            ..bundle(self)?
        };
        written(&bundle)
    }
}

fn written(bundle: &Bundle) -> Result<String, KeyError> {
    let text = serde_json::to_string(bundle).map_err(|_| KeyError::Sign)?;
    Ok(text + "\n")
}

/// What an envelope signs (DSSE, "pre-authentication encoding").
fn authenticated(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!(
        "DSSEv1 {} {payload_type} {} ",
        payload_type.len(),
        payload.len()
    );
    [head.as_bytes(), payload].concat()
}

fn read(text: &str) -> Result<Bundle, BundleError> {
    let bundle: Bundle =
        serde_json::from_str(text).map_err(|error| BundleError::Form(error.to_string()))?;
    if bundle.media_type != MEDIA_TYPE {
        return Err(BundleError::MediaType(bundle.media_type));
    }
    Ok(bundle)
}

fn decoded(text: &str) -> Result<Vec<u8>, BundleError> {
    let decoded = STANDARD.decode(text);
    decoded.map_err(|_| BundleError::Form("a value is not base64".to_owned()))
}

/// Says whether the bundle was made by another key; its hint proves nothing, and helps whoever looks for the right one.
fn refused(bundle: &Bundle, key: &PublicKey) -> BundleError {
    let hint = &bundle.verification_material.public_key.hint;
    let is_other = !hint.is_empty() && *hint != key.hint();
    BundleError::Signature(if is_other {
        "; it names another key"
    } else {
        ""
    })
}

/// Checks a bundle around a signature over a message.
pub fn open_message(text: &str, message: &[u8], key: &PublicKey) -> Result<(), BundleError> {
    let bundle = read(text)?;
    let Some(signed) = &bundle.message_signature else {
        return Err(BundleError::Form("it has no messageSignature".to_owned()));
    };
    let file = STANDARD.encode(digest::digest(&SHA256, message));
    if signed.message_digest.digest != file || signed.message_digest.algorithm != "SHA2_256" {
        return Err(BundleError::Digest {
            bundle: signed.message_digest.digest.clone(),
            file,
        });
    }
    if !key.verifies(message, &decoded(&signed.signature)?) {
        return Err(refused(&bundle, key));
    }
    Ok(())
}

/// Checks a bundle around a statement, and gives the statement.
pub fn open_envelope(text: &str, key: &PublicKey) -> Result<Envelope, BundleError> {
    let bundle = read(text)?;
    let Some(envelope) = &bundle.dsse_envelope else {
        return Err(BundleError::Form("it has no dsseEnvelope".to_owned()));
    };
    if envelope.payload_type != PAYLOAD_TYPE {
        return Err(BundleError::Form(format!(
            "its payload is {:?}, not a statement",
            envelope.payload_type
        )));
    }
    let payload = decoded(&envelope.payload)?;
    let message = authenticated(&envelope.payload_type, &payload);
    let [signature] = envelope.signatures.as_slice() else {
        return Err(BundleError::Form("it has not one signature".to_owned()));
    };
    if !key.verifies(&message, &decoded(&signature.sig)?) {
        return Err(refused(&bundle, key));
    }
    Ok(Envelope { payload })
}
