//! Signatures over files: ECDSA on P-256 with SHA-256, by a key that the user holds.
//!
//! Beside a file `F` stand `F.sig`, the bare signature (DER) that openssl checks, and `F.sigstore.json`, the same in a
//! Sigstore bundle (v0.3) that cosign checks. All files of a run are named in an in-toto statement, in a bundle of its
//! own, so that none can be left out or exchanged for one of another run.

mod bundle;
mod key;
mod statement;
#[cfg(test)]
mod tests;

pub use bundle::{BundleError, Envelope, open_envelope, open_message};
pub use key::{KeyError, PublicKey, SigningKey};
pub use statement::{Statement, Subject, statement};

/// What is added to the name of a file for its signature (DER).
pub const SIGNATURE: &str = ".sig";

/// What is added to the name of a file for its Sigstore bundle.
pub const BUNDLE: &str = ".sigstore.json";

/// What is added to the name of a file for the bundle of the statement over all files of its run.
pub const STATEMENT: &str = ".intoto.sigstore.json";
