//! Transcripts of the command line in `tests/cli/`, exit codes and error texts included.

use crate::live::{repository, sc39};

#[test]
fn transcripts_hold() {
    trycmd::TestCases::new()
        .env("COLUMNS", "80")
        .env("NO_COLOR", "1")
        .case("tests/cli/*.trycmd");
}

#[test]
fn the_example_writes_three_outputs_and_its_evidence_fits_the_schema() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (json, csv) = (folder.path().join("e.json"), folder.path().join("e.csv"));
    let output = sc39()
        .args(["scan", "--demo", "-o", "table", "-o"])
        .arg(format!("json={}", json.display()))
        .arg("-o")
        .arg(format!("csv={}", csv.display()))
        .output()
        .expect("the program runs");
    assert_eq!(output.status.code(), Some(1));
    let table = String::from_utf8(output.stdout).expect("the table is UTF-8");
    assert!(
        table.contains("hostPID is true") && table.contains("exit code 1"),
        "{table}"
    );
    assert!(std::fs::read_to_string(&csv).is_ok_and(|text| text.lines().count() > 100));
    let read = |path: &std::path::Path| -> serde_json::Value {
        let text = std::fs::read_to_string(path).expect("the file can be read");
        serde_json::from_str(&text).expect("the file is JSON")
    };
    let schema = read(&repository("docs/schema/evidence-v1.json"));
    let validator = jsonschema::validator_for(&schema).expect("the schema is one");
    let evidence = read(&json);
    let errors: Vec<String> = validator
        .iter_errors(&evidence)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

/// Runs the example with waivers of that transcript; the table and the evidence.
fn waived(file: &str) -> (String, serde_json::Value, Option<i32>) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let json = folder.path().join("e.json");
    let output = sc39()
        .args(["scan", "--demo", "--rule", "container-runtime", "--waivers"])
        .arg(repository("tests/cli/waivers.in").join(file))
        .args(["-o", "table", "-o"])
        .arg(format!("json={}", json.display()))
        .output()
        .expect("the program runs");
    let table = String::from_utf8(output.stdout).expect("the table is UTF-8");
    let text = std::fs::read_to_string(&json).expect("the file can be read");
    let evidence = serde_json::from_str(&text).expect("the file is JSON");
    (table, evidence, output.status.code())
}

#[test]
fn waivers_show_in_table_and_evidence() {
    let table = [
        (
            "waivers.yaml",
            Some(0),
            "W-1 container-runtime (OR): 1 row waived",
            "applied",
            "waived",
        ),
        (
            "expired.yaml",
            Some(1),
            "W-2 container-runtime (OR): expired on 2026-11-01",
            "expired",
            "fail",
        ),
        (
            "unmatched.yaml",
            Some(1),
            "W-3 container-runtime (OR): unmatched",
            "unmatched",
            "fail",
        ),
    ];
    for (file, code, words, status, effective) in table {
        let (table, evidence, found) = waived(file);
        assert_eq!(found, code, "{file}");
        assert!(table.contains(words), "{file}: {table}");
        assert_eq!(evidence["waivers"][0]["status"], status, "{file}");
        let results = evidence["results"].as_array().expect("results are a list");
        let failed = results.iter().find(|result| result["verdict"] == "fail");
        let failed = failed.expect("a node fails");
        assert_eq!(failed["effectiveVerdict"], effective, "{file}");
        assert_eq!(
            failed["waiverId"].is_string(),
            effective == "waived",
            "{file}"
        );
        let control = &evidence["controls"][0];
        assert_eq!(
            control["determination"], "exceptions",
            "{file}: waived or not, it failed"
        );
    }
}
