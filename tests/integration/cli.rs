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

#[cfg(unix)]
#[test]
fn asked_to_terminate_it_ends_at_once_with_nothing_written() {
    // A server that takes connections and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = silent.local_addr().expect("it has an address");
    let folder = tempfile::tempdir().expect("a folder can be made");
    let kubeconfig = folder.path().join("config");
    let config = serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": format!("http://{address}")}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {}}],
    });
    std::fs::write(&kubeconfig, config.to_string()).expect("the file can be written");
    let outputs = tempfile::tempdir().expect("a folder can be made");
    let child = sc39()
        .args(["scan", "--request-timeout", "60s", "--kubeconfig"])
        .arg(&kubeconfig)
        .arg("-o")
        .arg(format!("json={}", outputs.path().join("e.json").display()))
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the program runs");
    // The connection shows that it is under way, the handler of signals included.
    let connection = silent.accept().expect("it connects");
    let kill = std::process::Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .expect("kill runs");
    assert!(kill.success());
    let output = child.wait_with_output().expect("it ends");
    drop(connection);
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(stderr, "error: terminated\n");
    let written = std::fs::read_dir(outputs.path()).expect("the folder is there");
    assert_eq!(written.count(), 0);
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

/// Runs the program; exit code, standard output and standard error.
fn run(arguments: &[&std::ffi::OsStr]) -> (Option<i32>, Vec<u8>, String) {
    let output = sc39()
        .args(arguments)
        .env("COLUMNS", "100")
        .output()
        .expect("the program runs");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), output.stdout, stderr)
}

fn warnings(stderr: &str) -> Vec<String> {
    let lines = stderr.lines().filter(|line| line.starts_with("warning: "));
    lines.map(str::to_owned).collect()
}

#[test]
fn evidence_gives_every_format_as_the_scan_did() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let files = ["table", "csv", "json"].map(|format| {
        let file = folder.path().join(format!("scanned.{format}"));
        (format, file)
    });
    let mut scan = sc39();
    scan.args([
        "scan",
        "--demo",
        "--skip-rule",
        "seccomp-profile",
        "--allow-indeterminate",
    ])
    .args([
        "-n",
        "hr-production",
        "-n",
        "claims-production",
        "-l",
        "a!=b",
    ])
    .args(["--fail-on", "critical", "--waivers"])
    .arg(repository("tests/cli/waivers.in/expired.yaml"))
    .arg("--plan")
    .arg(repository("tests/cli/plan.in/plan.yaml"));
    for (format, file) in &files {
        scan.arg("-o").arg(format!("{format}={}", file.display()));
    }
    let scanned = scan.output().expect("the program runs");
    let scanned_warnings = warnings(&String::from_utf8_lossy(&scanned.stderr));
    let evidence = folder.path().join("scanned.json");
    for (format, file) in &files {
        let arguments = [
            "render".as_ref(),
            evidence.as_os_str(),
            "-o".as_ref(),
            format.as_ref(),
        ];
        let (code, stdout, stderr) = run(&arguments);
        assert_eq!(
            (code, warnings(&stderr)),
            (Some(0), scanned_warnings.clone()),
            "{format}"
        );
        let kept = std::fs::read(file).expect("the scan wrote it");
        if *format == "table" {
            // A file has no width of its own, a terminal has.
            let rendered = folder.path().join("rendered.table");
            let target = format!("table={}", rendered.display());
            let arguments = [
                "render".as_ref(),
                evidence.as_os_str(),
                "-o".as_ref(),
                target.as_ref(),
            ];
            assert_eq!(run(&arguments).0, Some(0));
            assert!(std::fs::read(rendered).expect("it was written") == kept);
        } else {
            assert!(stdout == kept, "{format} differs");
        }
    }
}

#[test]
fn evidence_that_its_objects_do_not_give_is_not_rendered() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("e.json");
    let target = format!("json={}", file.display());
    run(&["scan", "--demo", "--rule", "host-namespaces", "-o", &target].map(AsRef::as_ref));
    let text = std::fs::read_to_string(&file).expect("it was written");
    let changed = text.replacen("\"verdict\":\"fail\"", "\"verdict\":\"pass\"", 1);
    assert_ne!(text, changed);
    std::fs::write(&file, changed).expect("it can be written");
    let (code, stdout, stderr) = run(&["render".as_ref(), file.as_os_str()]);
    assert_eq!((code, stdout.len()), (Some(2), 0));
    assert!(
        stderr.contains("/integrity/contentDigest: recorded "),
        "{stderr}"
    );
    assert!(stderr.contains("run `sc39 verify "), "{stderr}");
}

#[test]
fn evidence_with_a_catalogue_of_its_own_needs_that() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, own) = (folder.path().join("e.json"), folder.path().join("own"));
    std::fs::create_dir(&own).expect("a folder can be made");
    for entry in std::fs::read_dir(repository("controls")).expect("the catalogue is there") {
        let entry = entry.expect("the folder can be read");
        let text = std::fs::read_to_string(entry.path()).expect("it is text");
        std::fs::write(own.join(entry.file_name()), text + "# changed\n")
            .expect("it can be written");
    }
    let target = format!("json={}", file.display());
    let own = own.as_os_str();
    let scan = ["scan", "--demo", "--rule", "host-namespaces", "-o", &target].map(AsRef::as_ref);
    run(&[scan.as_slice(), &["--controls".as_ref(), own]].concat());
    let render = [
        "render".as_ref(),
        file.as_os_str(),
        "-o".as_ref(),
        "csv".as_ref(),
    ];
    let (code, _, stderr) = run(&render);
    assert_eq!(code, Some(2));
    assert!(
        stderr.contains("made with a catalogue of its own"),
        "{stderr}"
    );
    let (code, stdout, stderr) = run(&[render.as_slice(), &["--controls".as_ref(), own]].concat());
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.starts_with(b"rule,control"));
    let builtin = repository("controls");
    let (code, _, stderr) = run(&[
        render.as_slice(),
        &["--controls".as_ref(), builtin.as_os_str()],
    ]
    .concat());
    assert_eq!(code, Some(2));
    assert!(
        stderr.contains("is not the one that it was made with"),
        "{stderr}"
    );
}

#[test]
fn evidence_is_verified_and_what_was_changed_is_named() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("e.json");
    let target = format!("json={}", file.display());
    run(&["scan", "--demo", "-o", &target].map(AsRef::as_ref));
    let verify = ["verify".as_ref(), file.as_os_str()];
    let (code, stdout, stderr) = run(&verify);
    let page = String::from_utf8(stdout).expect("the page is UTF-8");
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{page}");
    assert!(
        page.contains("e.json: verified\ncontent digest sha256:"),
        "{page}"
    );
    assert!(
        page.contains("integrity only, origin not checked"),
        "{page}"
    );
    let text = std::fs::read_to_string(&file).expect("it was written");
    let changed = text.replacen("\"verdict\":\"fail\"", "\"verdict\":\"pass\"", 1);
    std::fs::write(&file, changed).expect("it can be written");
    let (code, stdout, _) = run(&verify);
    let page = String::from_utf8(stdout).expect("the page is UTF-8");
    assert_eq!(code, Some(1), "{page}");
    assert!(page.contains("e.json: not verified\n"), "{page}");
    assert!(
        page.contains("\ncontent digest: 1\n  /integrity/contentDigest: recorded "),
        "{page}"
    );
    assert!(page.contains("\nresults: 1\n  /results/"), "{page}");
}
