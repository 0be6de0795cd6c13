//! The table of the sample, as people see it.

use super::*;
use crate::render::sample;

fn text(options: &RenderOptions) -> String {
    sample::with_report(|report| {
        let mut bytes = Vec::new();
        render(report, options, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    })
}

#[test]
fn at_80_columns() {
    insta::assert_snapshot!(text(&RenderOptions::default()));
}

#[test]
fn at_140_columns() {
    let options = RenderOptions {
        width: Some(140),
        ..RenderOptions::default()
    };
    insta::assert_snapshot!(text(&options));
}
