//! The page that an assessor reads: one file without scripts, that can be opened anywhere, printed and kept.
//!
//! It shows what was not read above what was found, then the whole at a glance, then each control, rule and result down
//! to the values, each with the command that looks it up again. Long lists are cut and their rest is counted: all rows
//! are in CSV and JSON.
//!
//! The page is written in pieces, of which a rule with its results is the largest. Strings of the cluster go through
//! [`text::Shown`]; none of them stands in a link, a style or an id.

mod closing;
mod controls;
mod coverage;
mod glance;
mod heat;
mod opening;
mod results;
mod text;
mod tiers;
mod values;

use std::io::{self, BufWriter, Write};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::RenderError;
use super::escape::visible;
use crate::report::Report;
use text::Shown;

const STYLE: &str = include_str!("style.css");

/// Sections in the order of the page: id and heading.
const SECTIONS: &[(&str, &str)] = &[
    ("coverage", "Coverage and gaps"),
    ("glance", "At a glance"),
    ("proofs", "Proofs of the statement"),
    ("tiers", "Reach between tiers"),
    ("map", "Rules by namespace"),
    ("controls", "Controls"),
    ("rules", "Rules and results"),
    ("waivers", "Waivers"),
    ("manual", "Evidence by hand"),
    ("methods", "Methods outstanding"),
    ("limits", "What this does not show"),
    ("repeat", "How to check this page"),
];

pub(super) fn render(report: &Report<'_>, writer: &mut dyn Write) -> Result<(), RenderError> {
    let evidence = super::evidence::sha256(report)?;
    let mut page = Page {
        writer: BufWriter::new(writer),
    };
    page.add(&head(report))?;
    page.add(&opening::write(report, &evidence))?;
    page.raw("<div class=\"frame\">\n")?;
    page.add(&navigation())?;
    page.raw("<main id=\"main\">\n")?;
    page.add(&coverage::write(report))?;
    page.add(&glance::write(report))?;
    page.add(&controls::proofs(report))?;
    page.add(&tiers::write(report))?;
    page.add(&heat::write(report))?;
    controls::write(&mut page, report)?;
    results::write(&mut page, report)?;
    page.add(&closing::waivers(report))?;
    page.add(&closing::manual(report))?;
    page.add(&closing::methods(report))?;
    page.add(&closing::limits(report))?;
    page.add(&closing::repeat(report))?;
    page.raw("</main>\n</div>\n")?;
    page.add(&closing::footer(report))?;
    page.raw("</body>\n</html>\n")?;
    page.writer.flush()?;
    Ok(())
}

/// The page on its way out.
struct Page<'w> {
    writer: BufWriter<&'w mut dyn Write>,
}

impl Page<'_> {
    /// Writes a piece. Whatever was forgotten, no hidden character leaves.
    fn add(&mut self, piece: &Markup) -> io::Result<()> {
        for line in piece.0.split_inclusive('\n') {
            let (text, end) = line
                .strip_suffix('\n')
                .map_or((line, ""), |text| (text, "\n"));
            self.writer.write_all(visible(text).as_bytes())?;
            self.writer.write_all(end.as_bytes())?;
        }
        self.writer.write_all(b"\n")
    }

    /// Begins or ends an element that is too long for one piece.
    fn raw(&mut self, tag: &'static str) -> io::Result<()> {
        self.writer.write_all(tag.as_bytes())
    }
}

/// What may be loaded or run: nothing but the one style, known by its digest.
fn policy() -> String {
    let digest = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'")
}

/// Everything up to the first words of the body, whose end is written by hand.
fn head(report: &Report<'_>) -> Markup {
    html! {
        (DOCTYPE)
        (PreEscaped("<html lang=\"en\">"))
        head {
            meta charset="utf-8";
            meta http-equiv="Content-Security-Policy" content=(policy());
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            meta name="referrer" content="no-referrer";
            title { (Shown(&opening::title(report))) }
            style { (PreEscaped(STYLE)) }
        }
        (PreEscaped("<body>"))
        a.skip href="#main" { "Skip to the report" }
    }
}

fn navigation() -> Markup {
    html! {
        nav aria-label="Sections" {
            ol {
                @for (id, heading) in SECTIONS {
                    li { a href={ "#" (id) } { (heading) } }
                }
            }
        }
    }
}

/// A section with its heading, which the navigation leads to.
fn section(id: &str, content: &Markup) -> Markup {
    let heading = SECTIONS.iter().find(|(known, _)| *known == id);
    html! {
        section id=(id) aria-labelledby={ "h-" (id) } {
            h2 id={ "h-" (id) } { (heading.map_or(id, |(_, heading)| *heading)) }
            (content)
        }
    }
}

#[cfg(test)]
mod tests;
