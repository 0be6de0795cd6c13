//! CSV (RFC 4180): one row for each rule, subject, container and port, in the order of the report.

use std::borrow::Cow;
use std::io::{BufWriter, Write};

use super::RenderError;
use super::escape::visible;
use crate::report::order::Order;
use crate::report::{Report, RuleReport};

const HEADER: &str = "rule,control,verdict,effective_verdict,severity,kind,namespace,name,container,port,reason,message";

pub(super) fn render(report: &Report<'_>, writer: &mut dyn Write) -> Result<(), RenderError> {
    let mut writer = BufWriter::new(writer);
    writeln!(writer, "{HEADER}")?;
    let order = Order::new(report.snapshot);
    for rule in &report.rules {
        rows(report, rule, &order, &mut writer)?;
    }
    writer.flush()?;
    Ok(())
}

fn rows(
    report: &Report<'_>,
    rule: &RuleReport,
    order: &Order<'_>,
    writer: &mut impl Write,
) -> Result<(), RenderError> {
    let controls = rule.controls.join(";");
    for (result, subject) in order.rows(rule) {
        let (kind, namespace, name) = report.subject(subject);
        let port = result.port.as_ref().map(ToString::to_string);
        let cells = [
            rule.rule.id,
            &controls,
            result.verdict.name(),
            result.effective.name(),
            result.severity.name(),
            kind,
            namespace,
            name,
            result.container.as_deref().unwrap_or_default(),
            port.as_deref().unwrap_or_default(),
            result.reason.code(),
            &result.message,
        ];
        for (index, cell) in cells.into_iter().enumerate() {
            if index > 0 {
                writer.write_all(b",")?;
            }
            writer.write_all(encode(cell).as_bytes())?;
        }
        writer.write_all(b"\n")?;
    }
    Ok(())
}

/// A cell as a spreadsheet and a CSV reader both take it for text.
fn encode(cell: &str) -> Cow<'_, str> {
    let text = visible(cell);
    // Control characters are written out by now; their wide forms are read as the signs themselves by some spreadsheets.
    let formula = cell.starts_with([
        '=', '+', '-', '@', '\t', '\r', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ]);
    let text = if formula {
        Cow::Owned(format!("'{text}"))
    } else {
        text
    };
    if text.contains([',', '"']) {
        return Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    #[test]
    fn cells_are_text_for_readers_and_spreadsheets() {
        let cases = [
            ("", "", "empty"),
            ("pod runs as 0", "pod runs as 0", "plain"),
            ("a, b", "\"a, b\"", "a comma ends no cell"),
            ("say \"no\"", "\"say \"\"no\"\"\"", "quotes are doubled"),
            ("=1+1", "'=1+1", "a formula"),
            ("+1", "'+1", "a formula"),
            ("-1", "'-1", "a formula"),
            ("@SUM(A1)", "'@SUM(A1)", "a formula"),
            ("\u{ff1d}1", "'\u{ff1d}1", "a formula in wide characters"),
            (
                "=a,\"b\"",
                "\"'=a,\"\"b\"\"\"",
                "a formula that needs quotes",
            ),
            ("\t=1", "'\\u{9}=1", "a tabulator, which some readers skip"),
            ("\r=1", "'\\u{d}=1", "a carriage return"),
            ("a\nb", "a\\u{a}b", "a row stays on its line"),
            ("\u{1b}[2J", "\\u{1b}[2J", "no terminal sequences"),
            ("a-b=c", "a-b=c", "signs inside a cell are harmless"),
        ];
        for (cell, expected, why) in cases {
            assert_eq!(encode(cell), expected, "{why}: {cell:?}");
        }
    }

    #[test]
    fn the_sample_as_csv() {
        let text = sample::with_report(|report| {
            let mut bytes = Vec::new();
            render(report, &mut bytes).unwrap();
            String::from_utf8(bytes).unwrap()
        });
        assert_eq!(text.lines().next(), Some(HEADER));
        insta::assert_snapshot!(text);
    }

    #[test]
    fn there_is_a_row_for_each_row_of_the_report() {
        sample::with_report(|report| {
            let mut bytes = Vec::new();
            render(report, &mut bytes).unwrap();
            let rows: u64 = report.rules.iter().map(|rule| rule.counts.total()).sum();
            let lines = String::from_utf8(bytes).unwrap().lines().count() as u64;
            assert_eq!(lines, rows + 1);
        });
    }
}
