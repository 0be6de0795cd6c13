//! The HTML report in a real browser: it opens without errors, fits its width, and nothing in it acts.
//!
//! Chromium is found through `SC39_CHROMIUM` (`scripts/browser` looks for one); without it a test says that it was left
//! out and ends.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde::Deserialize;
use serde_json::Value;

use crate::live::sc39;

/// How long a browser may take, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// What a page is like in a window of one width.
#[derive(Debug, Deserialize)]
struct Answer {
    width: f64,
    needed: f64,
    wide: Vec<String>,
    scripts: usize,
    handlers: usize,
    owned: bool,
    styled: String,
    ids: Vec<String>,
    text: String,
}

/// Path of the browser; `None` if tests in one are left out.
#[expect(clippy::disallowed_methods, reason = "the browser is named there")]
fn browser(test: &str) -> Option<PathBuf> {
    let path = std::env::var("SC39_CHROMIUM")
        .ok()
        .filter(|path| !path.is_empty());
    if path.is_none() {
        // Not `eprintln`, whose output is shown for failing tests only.
        let _ = writeln!(
            std::io::stderr(),
            "{test} was left out: SC39_CHROMIUM is not set"
        );
    }
    path.map(PathBuf::from)
}

/// Opens a page in a browser; what it finds in each width, and what the browser complains of.
fn open(browser: &Path, page: &str) -> (Vec<Answer>, Vec<String>) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = |name: &str| folder.path().join(name);
    std::fs::write(file("report.html"), page).expect("the page can be written");
    std::fs::write(file("probe.html"), include_str!("browser/probe.html"))
        .expect("the probe can be written");
    let output = |name: &str| std::fs::File::create(file(name)).expect("the file can be made");
    let mut child = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
        ])
        // The probe looks into its frames; virtual time ends when nothing is left to load.
        .args([
            "--allow-file-access-from-files",
            "--virtual-time-budget=60000",
            "--enable-logging=stderr",
        ])
        .arg(format!("--user-data-dir={}", file("profile").display()))
        .arg("--dump-dom")
        .arg(format!("file://{}", file("probe.html").display()))
        .stdin(Stdio::null())
        .stdout(output("out"))
        .stderr(output("err"))
        .spawn()
        .expect("the browser starts");
    let start = Instant::now();
    while child
        .try_wait()
        .expect("the browser can be waited for")
        .is_none()
    {
        if start.elapsed() > PATIENCE {
            child.kill().expect("the browser can be ended");
            child.wait().expect("it ends");
            panic!("the browser did not answer in {PATIENCE:?}");
        }
        thread::sleep(Duration::from_millis(50));
    }
    let read = |name: &str| {
        let bytes = std::fs::read(file(name)).expect("the file can be read");
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let (out, err) = (read("out"), read("err"));
    let answer = out
        .split_once("ANSWER:")
        .and_then(|(_, after)| after.split_once(":END"))
        .unwrap_or_else(|| panic!("the probe answers: {out}\n{err}"));
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(answer.0)
        .expect("the answer is base64");
    let complaints = err
        .lines()
        .filter(|line| line.contains(":CONSOLE"))
        .map(str::to_owned);
    (
        serde_json::from_slice(&bytes).expect("the answer is JSON"),
        complaints.collect(),
    )
}

/// Opens a page that must be sound, whatever it is about.
fn check(browser: &Path, page: &str) -> Answer {
    let (mut answers, complaints) = open(browser, page);
    assert!(complaints.is_empty(), "{complaints:#?}");
    assert_eq!(
        answers
            .iter()
            .map(|answer| answer.width)
            .collect::<Vec<_>>(),
        [1280.0, 390.0]
    );
    for answer in &answers {
        let width = answer.width;
        assert!(
            answer.needed <= width,
            "{width}: {} wide, by {:?}",
            answer.needed,
            answer.wide
        );
        assert!(answer.wide.is_empty(), "{width}: {:?}", answer.wide);
        assert_eq!(
            (answer.scripts, answer.handlers, answer.owned),
            (0, 0, false),
            "{width}"
        );
        assert_eq!(answer.styled, "650", "the style is admitted");
    }
    answers.swap_remove(0)
}

/// Runs a scan; its page and its evidence.
fn scan(arguments: &[&str]) -> (String, Value) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (html, json) = (folder.path().join("r.html"), folder.path().join("e.json"));
    let output = sc39()
        .arg("scan")
        .args(arguments)
        .arg("-o")
        .arg(format!("html={}", html.display()))
        .arg("-o")
        .arg(format!("json={}", json.display()))
        .output()
        .expect("the program runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    let read = |path: &Path| {
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{error}: {stderr}"))
    };
    let evidence = serde_json::from_str(&read(&json)).expect("the evidence is JSON");
    (read(&html), evidence)
}

#[test]
fn the_page_of_the_example_opens_and_holds_what_failed() {
    let Some(browser) = browser("the_page_of_the_example_opens_and_holds_what_failed") else {
        return;
    };
    let (page, evidence) = scan(&["--demo"]);
    let answer = check(&browser, &page);
    let results = evidence["results"].as_array().expect("results are a list");
    let text: String = answer.text.split_whitespace().collect();
    let mut failed = 0;
    for result in results.iter().filter(|result| result["verdict"] == "fail") {
        let message = result["message"].as_str().expect("a message is text");
        let squeezed: String = message.split_whitespace().collect();
        assert!(text.contains(&squeezed), "{message}");
        failed += 1;
    }
    assert!(failed > 30, "{failed}");
    for rule in evidence["catalogue"]["rules"]
        .as_array()
        .expect("rules are a list")
    {
        let id = rule["id"].as_str().expect("an id is text");
        assert!(
            answer
                .ids
                .iter()
                .any(|known| *known == format!("rule-{id}")),
            "{id}"
        );
    }
    for control in evidence["controls"]
        .as_array()
        .expect("controls are a list")
    {
        let label = control["label"].as_str().expect("a label is text");
        assert!(text.contains(label), "{label}");
    }
}

/// Closes whatever it stands in and runs, if anything lets it.
const HOSTILE: &str = "</style></title><script>owned = true</script><img src=x onerror='owned = true'>\u{202e}\u{7}\" onfocus=\"owned = true";

#[test]
fn hostile_names_are_shown_and_do_nothing() {
    let Some(browser) = browser("hostile_names_are_shown_and_do_nothing") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder can be made");
    let quoted = serde_json::to_string(HOSTILE).expect("text has a JSON form");
    let long = "x".repeat(250);
    let manifests = format!(
        "apiVersion: v1\nkind: Namespace\nmetadata: {{name: shop, labels: {{tier: {quoted}}}}}\n---\n\
         apiVersion: v1\nkind: Namespace\nmetadata: {{name: {long}, labels: {{tier: prod}}}}\n---\n\
         apiVersion: privatecloud.mendix.com/v1alpha1\nkind: MendixApp\nmetadata: {{name: {quoted}, namespace: shop}}\nspec: {{runtime: {{dtapMode: {quoted}}}}}\n---\n\
         apiVersion: v1\nkind: Pod\nmetadata: {{name: {long}, namespace: {long}, labels: {{app: {quoted}}}}}\nspec: {{hostPID: true, containers: [{{name: {long}, image: a}}]}}\n---\n\
         apiVersion: v1\nkind: Pod\nmetadata: {{name: {quoted}, namespace: shop, labels: {{app: {quoted}}}}}\nspec: {{hostPID: true, containers: [{{name: {quoted}, image: {quoted}, securityContext: {{procMount: {quoted}}}}}]}}\n"
    );
    let file = folder.path().join("objects.yaml");
    std::fs::write(&file, manifests).expect("the file can be written");
    let plan = folder.path().join("plan.yaml");
    std::fs::write(&plan, format!("system: {{name: {quoted}}}\n"))
        .expect("the file can be written");
    let (page, _) = scan(&[
        "-A",
        "--from",
        &file.display().to_string(),
        "--plan",
        &plan.display().to_string(),
    ]);
    let answer = check(&browser, &page);
    let shown = "</style></title><script>owned = true</script><img src=x onerror='owned = true'>\\u{202e}\\u{7}\"";
    assert!(answer.text.contains(shown), "it can be read, and is inert");
    assert!(!answer.text.contains(['\u{202e}', '\u{7}']));
}

#[test]
fn a_browser_complains_of_what_the_policy_forbids() {
    let Some(browser) = browser("a_browser_complains_of_what_the_policy_forbids") else {
        return;
    };
    let (page, _) = scan(&["--demo", "--rule", "host-namespaces"]);
    let page = page.replace(
        "<body>",
        "<body><script>owned = true</script><p style=\"color: red\"></p>",
    );
    let (answers, complaints) = open(&browser, &page);
    assert!(complaints.len() >= 2, "{complaints:?}");
    assert!(
        answers.iter().all(|answer| !answer.owned),
        "scripts do not run"
    );
}
