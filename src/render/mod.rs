//! Renderers: a report and a writer in, one output format out. They decide nothing: verdicts, totals, order and the
//! exit code are the report's.

mod csv;
pub(crate) mod escape;
pub mod evidence;
mod openreports;
pub mod oscal;
mod sdr;
pub mod table;

use std::io::{self, Write};

use crate::report::Report;

/// A form that a report can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, clap::ValueEnum)]
pub enum Format {
    /// For people, at a terminal.
    Table,
    /// Evidence, from which every verdict can be derived again.
    Json,
    /// One row for each rule, subject, container and port.
    Csv,
    /// OSCAL: assessment results, or the plan or the rules behind them.
    Oscal,
    /// `OpenReports`, for clusters whose operators read policy reports.
    #[value(name = "openreports")]
    OpenReports,
    /// Parts of FedRAMP's Security Decision Record and vulnerability reports.
    Sdr,
}

/// What depends on where an output goes; no verdict does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RenderOptions {
    /// Columns of the terminal; 80 where there is none.
    pub width: Option<u16>,
    /// Whether the table may use colour. No information is in colour alone.
    pub colour: bool,
    /// Whether the table shows every result, subject and value instead of the first ones.
    pub verbose: bool,
    /// Name of the evidence file that lies beside the output; `evidence.json` unless one is given.
    pub evidence_name: Option<String>,
    /// Which model of OSCAL is written.
    pub oscal: oscal::Model,
}

/// The evidence file that an output points to.
struct EvidenceFile {
    name: String,
    sha256: String,
}

impl RenderOptions {
    fn evidence(&self, report: &Report<'_>) -> Result<EvidenceFile, RenderError> {
        let name = self.evidence_name.as_deref().unwrap_or("evidence.json");
        Ok(EvidenceFile {
            name: name.to_owned(),
            sha256: evidence::sha256(report)?,
        })
    }
}

/// What can go wrong while a report is written.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The output could not be written.
    #[error("failed to write the output")]
    Write(#[source] io::Error),
    /// A value has no JSON form.
    #[error("failed to encode the evidence")]
    Encode(#[source] serde_json::Error),
}

impl RenderError {
    /// Whether the reader went away, as `head` does: nothing failed.
    pub fn is_broken_pipe(&self) -> bool {
        match self {
            Self::Write(error) => error.kind() == io::ErrorKind::BrokenPipe,
            Self::Encode(_) => false,
        }
    }
}

impl From<io::Error> for RenderError {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

impl From<serde_json::Error> for RenderError {
    fn from(error: serde_json::Error) -> Self {
        if error.is_io() {
            return Self::Write(io::Error::from(error));
        }
        Self::Encode(error)
    }
}

/// Writes a report in one format.
pub fn render(
    format: Format,
    report: &Report<'_>,
    options: &RenderOptions,
    writer: &mut dyn Write,
) -> Result<(), RenderError> {
    match format {
        Format::Table => table::render(report, options, writer),
        Format::Json => evidence::render(report, writer),
        Format::Csv => csv::render(report, writer),
        Format::Oscal => oscal::render(report, options, writer),
        Format::OpenReports => openreports::render(report, writer),
        Format::Sdr => sdr::render(report, options, writer),
    }
}

#[cfg(test)]
mod documents;
#[cfg(test)]
pub(crate) mod sample;

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    /// Takes some bytes and then fails.
    struct Failing {
        room: usize,
        kind: io::ErrorKind,
    }

    impl Write for Failing {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.room == 0 {
                return Err(self.kind.into());
            }
            let taken = bytes.len().min(self.room);
            self.room -= taken;
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_goes_away_is_told_from_a_full_disk() {
        sample::with_report(|report| {
            for format in Format::value_variants() {
                for room in [0, 1000] {
                    for kind in [io::ErrorKind::BrokenPipe, io::ErrorKind::StorageFull] {
                        let mut writer = Failing { room, kind };
                        let options = RenderOptions::default();
                        let error = render(*format, report, &options, &mut writer).unwrap_err();
                        let gone = kind == io::ErrorKind::BrokenPipe;
                        assert_eq!(error.is_broken_pipe(), gone, "{format:?}: {error:?}");
                    }
                }
            }
        });
    }
}
