//! The snippets of `docs/ci.md`: each is parsed, and its scripts run against the built-in example.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::live::{repository, sc39};

/// Fenced blocks of a page: language and text.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.trim_start().strip_prefix("```") else {
            continue;
        };
        let body: Vec<&str> = lines
            .by_ref()
            .take_while(|line| !line.trim_start().starts_with("```"))
            .collect();
        blocks.push((language.to_owned(), body.join("\n")));
    }
    blocks
}

/// Scripts of a pipeline in YAML, wherever they stand.
fn scripts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match (name.as_str(), value) {
                    ("run" | "bash", Value::String(script)) => found.push(script.clone()),
                    ("script", Value::Array(lines)) => {
                        let lines = lines.iter().filter_map(Value::as_str);
                        found.push(lines.collect::<Vec<_>>().join("\n"));
                    }
                    _ => scripts(value, found),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| scripts(value, found)),
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
}

fn all_scripts(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (language, text) in blocks(page) {
        match language.as_str() {
            "yaml" => {
                let value: Value =
                    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
                scripts(&value, &mut found);
            }
            "groovy" => found.extend(text.split("'''").skip(1).step_by(2).map(str::to_owned)),
            "sh" => found.push(text),
            other => panic!("a block in {other}"),
        }
    }
    found
}

/// Runs a script as runners do, where `sc39 scan` without files scans the example.
fn run(script: &str, folder: &Path) -> Option<i32> {
    let program = sc39().get_program().to_owned();
    let wrapper = format!(
        "#!/bin/sh\ncase \" $* \" in\n*' --from '*) ;;\n' scan '*) shift; set -- scan --demo \"$@\" ;;\nesac\nexec '{}' \"$@\"\n",
        program.display()
    );
    let bin = folder.join("bin");
    fs::create_dir_all(&bin).expect("the folder can be made");
    let path = bin.join("sc39");
    fs::write(&path, wrapper).expect("the file can be written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it can be run");
    let status = Command::new("bash")
        .args(["-eo", "pipefail", "-c", script])
        .current_dir(folder)
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
        .env("AUDITOR", "apiVersion: v1")
        .env("RUNNER_TEMP", folder)
        .env("GITHUB_ENV", folder.join("github.env"))
        .env("GITHUB_STEP_SUMMARY", folder.join("summary.md"))
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status();
    status.expect("bash runs").code()
}

#[test]
fn the_pipelines_of_the_page_run() {
    let page = fs::read_to_string(repository("docs/ci.md")).expect("the page can be read");
    let all = all_scripts(&page);
    let scans: Vec<&String> = all
        .iter()
        .filter(|script| script.contains("sc39 scan"))
        .collect();
    assert_eq!(
        scans.len(),
        6,
        "GitHub, GitLab, Jenkins, Azure, baseline, files"
    );
    for script in &all {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let deploy = folder.path().join("deploy");
        fs::create_dir(&deploy).expect("the folder can be made");
        let example = repository("fixtures/demo/cluster.yaml");
        fs::copy(example, deploy.join("cluster.yaml")).expect("the file can be copied");
        let code = run(script, folder.path());
        if !script.contains("sc39 scan") {
            assert_eq!(code, Some(0), "{script}");
            continue;
        }
        assert!(matches!(code, Some(1 | 3)), "{code:?}: {script}");
        let named = script.split_whitespace().filter_map(|word| {
            let (format, file) = word.split_once('=')?;
            let formats = ["json", "sarif", "junit", "markdown"];
            formats.contains(&format).then_some(file)
        });
        for file in named {
            assert!(folder.path().join(file).is_file(), "{file}: {script}");
        }
        if script.contains("GITHUB_STEP_SUMMARY") {
            let summary = fs::read_to_string(folder.path().join("summary.md"));
            assert!(summary.is_ok_and(|text| text.contains("## Not read")));
        }
        if script.contains("--baseline") {
            let evidence = folder.path().join("evidence.json");
            fs::copy(evidence, folder.path().join("accepted.json")).expect("it can be copied");
            let code = run(script, folder.path());
            assert!(matches!(code, Some(0 | 3)), "{code:?}: nothing is new");
        }
    }
}
