//! Transcripts of the command line in `tests/cli/`, exit codes and error texts included.

#[test]
fn transcripts_hold() {
    trycmd::TestCases::new()
        .env("COLUMNS", "80")
        .env("NO_COLOR", "1")
        .case("tests/cli/*.trycmd");
}
