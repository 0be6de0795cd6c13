//! Whether a report gives a file, byte for byte.

use std::io::{self, Write};

use crate::render::{RenderError, evidence};
use crate::report::Report;

/// Compares what is written with a text, and keeps none of it.
struct Comparing<'t> {
    rest: &'t [u8],
    differs: bool,
}

impl Write for Comparing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(rest) = self.rest.strip_prefix(bytes) else {
            self.differs = true;
            return Err(io::Error::other("the file differs"));
        };
        self.rest = rest;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(super) fn is_same(report: &Report<'_>, recorded: &str) -> Result<bool, RenderError> {
    let mut comparing = Comparing {
        rest: recorded.as_bytes(),
        differs: false,
    };
    match evidence::render(report, &mut comparing) {
        Err(_) if comparing.differs => Ok(false),
        Err(error) => Err(error),
        Ok(()) => Ok(comparing.rest.is_empty()),
    }
}
