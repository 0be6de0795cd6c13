//! A writer that takes the digest of a JSON object on its way out, and appends it as the object's last member.

use std::io::{self, Write};

use aws_lc_rs::digest::{Context, SHA256};

use super::wire::Integrity;

const CAPACITY: usize = 1 << 16;

pub(super) struct Sealed<'w> {
    inner: &'w mut dyn Write,
    digest: Context,
    /// Holds at least the last byte written, which may turn out to be the closing brace.
    buffer: Vec<u8>,
}

impl<'w> Sealed<'w> {
    pub(super) fn new(inner: &'w mut dyn Write) -> Self {
        Self {
            inner,
            digest: Context::new(&SHA256),
            buffer: Vec::with_capacity(CAPACITY),
        }
    }

    /// Ends the document: everything so far is under the digest, the member that holds it and the newline are not.
    pub(super) fn seal(mut self) -> io::Result<()> {
        self.digest.update(&self.buffer);
        let brace = self.buffer.pop();
        debug_assert_eq!(brace, Some(b'}'), "the document is one object");
        self.inner.write_all(&self.buffer)?;
        let integrity = Integrity::new(self.digest.finish().as_ref());
        let member = serde_json::to_string(&integrity)?;
        writeln!(self.inner, ",\"integrity\":{member}}}")?;
        self.inner.flush()
    }
}

impl Write for Sealed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() + bytes.len() > CAPACITY && !bytes.is_empty() {
            self.digest.update(&self.buffer);
            self.inner.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        self.buffer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical;

    #[test]
    fn the_digest_is_of_the_object_without_it() {
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(3 * CAPACITY));
        let exact = format!("{{\"a\":\"{}\"}}", "x".repeat(CAPACITY - 8));
        for document in ["{\"a\":1}", &long, &exact] {
            for step in [1, 7, CAPACITY, 4 * CAPACITY] {
                let mut bytes = Vec::new();
                let mut sealed = Sealed::new(&mut bytes);
                for part in document.as_bytes().chunks(step) {
                    sealed.write_all(part).unwrap();
                }
                sealed.seal().unwrap();
                let expected = format!(
                    "{},\"integrity\":{{\"contentDigest\":\"sha256:{}\"}}}}\n",
                    &document[..document.len() - 1],
                    canonical::sha256(document.as_bytes())
                );
                assert_eq!(String::from_utf8(bytes).unwrap(), expected);
            }
        }
    }
}
