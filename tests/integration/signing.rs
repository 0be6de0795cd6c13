//! Signatures, made by the program and checked by others: openssl, and `@sigstore/verify` where it is installed.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::live::sc39;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Says that a test does not run.
fn left_out<T>(why: &str) -> Option<T> {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    // Not `eprintln`, whose output is shown for failing tests only.
    let _ = writeln!(std::io::stderr(), "{test} was left out: {why}");
    None
}

/// Runs a program in a folder; `None` where it is not installed.
fn run(folder: &Path, program: &str, arguments: &[&str]) -> Option<Output> {
    match Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
    {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            left_out(&format!("there is no {program}"))
        }
        Err(error) => panic!("{program} does not run: {error}"),
    }
}

fn shell(folder: &Path, command: &str) -> Option<Output> {
    run(folder, "sh", &["-c", command])
}

/// A folder with keys that openssl made: `key.pem` (PKCS#8), `sec1.pem`, `encrypted.pem`, `p384.pem`, `key.pub`, `other.pub`.
fn keys() -> Option<TempDir> {
    let folder = tempfile::tempdir().expect("a folder can be made");
    run(folder.path(), "openssl", &["version"])?;
    let made = shell(
        folder.path(),
        "set -e; umask 077; openssl ecparam -name prime256v1 -genkey -out sec1.pem; \
         openssl pkcs8 -topk8 -nocrypt -in sec1.pem -out key.pem; openssl pkey -in key.pem -pubout -out key.pub; \
         openssl pkcs8 -topk8 -passout pass:x -in sec1.pem -out encrypted.pem; \
         openssl ecparam -name secp384r1 -genkey -noout -out p384.pem; \
         openssl ecparam -name prime256v1 -genkey -noout | openssl pkey -pubout -out other.pub",
    )?;
    assert!(made.status.success(), "{}", text(&made.stderr));
    Some(folder)
}

fn sc39_in(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = sc39()
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the program runs");
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

const SCAN: &[&str] = &[
    "scan",
    "--demo",
    "--rule",
    "container-runtime",
    "-o",
    "json=e.json",
    "-o",
    "csv=e.csv",
    "--sign-key",
];

fn scan(folder: &Path, key: &str) -> (Option<i32>, String) {
    let (code, _, stderr) = sc39_in(folder, &[SCAN, &[key]].concat());
    // Beside what a scan that writes files says in any case.
    let rest = stderr
        .split_inclusive('\n')
        .filter(|line| !line.starts_with("wrote ") && !line.starts_with("exit code "));
    (code, rest.collect())
}

/// What openssl says of the signature beside a file.
fn by_openssl(folder: &Path, file: &str) -> Output {
    let signature = format!("{file}.sig");
    let check = [
        "dgst",
        "-sha256",
        "-verify",
        "key.pub",
        "-signature",
        &signature,
        file,
    ];
    run(folder, "openssl", &check).expect("openssl is there")
}

#[test]
fn signatures_are_those_of_openssl() {
    let Some(folder) = keys() else { return };
    let folder = folder.path();
    for key in ["key.pem", "sec1.pem"] {
        assert_eq!(scan(folder, key), (Some(1), String::new()));
        for file in ["e.json", "e.csv"] {
            let checked = by_openssl(folder, file);
            assert!(
                checked.status.success(),
                "{file}: {}",
                text(&checked.stdout)
            );
        }
        let (code, page, _) = sc39_in(folder, &["verify", "e.json", "--key", "key.pub"]);
        assert_eq!(code, Some(0), "{page}");
        for words in [
            "e.json: verified",
            "e.json.sig: made with this key",
            "2 of its files are there and the same",
        ] {
            assert!(page.contains(words), "{words}: {page}");
        }
        assert!(!page.contains("origin not checked"), "{page}");
    }
    // What docs/assessors.md tells to do by hand.
    let statement = shell(
        folder,
        "set -e; python3 -c 'import json,base64; e=json.load(open(\"e.json.intoto.sigstore.json\"))[\"dsseEnvelope\"]; \
         open(\"statement.json\",\"wb\").write(base64.b64decode(e[\"payload\"])); \
         open(\"statement.sig\",\"wb\").write(base64.b64decode(e[\"signatures\"][0][\"sig\"]))'; \
         printf 'DSSEv1 28 application/vnd.in-toto+json %d ' \"$(wc -c < statement.json)\" | cat - statement.json > signed; \
         openssl dgst -sha256 -verify key.pub -signature statement.sig signed",
    );
    let statement = statement.expect("there is a shell");
    assert!(statement.status.success(), "{}", text(&statement.stderr));
    let by_hand = shell(
        folder,
        "sed -E 's/,\"integrity\":\\{\"contentDigest\":\"sha256:[0-9a-f]{64}\"\\}\\}$/}/' e.json | tr -d '\\n' | openssl dgst -sha256",
    );
    let digest = text(&by_hand.expect("there is a shell").stdout);
    let digest = digest.trim().rsplit(' ').next().unwrap_or_default();
    let evidence = std::fs::read_to_string(folder.join("e.json")).expect("it was written");
    assert!(
        evidence.ends_with(&format!("\"sha256:{digest}\"}}}}\n")),
        "{digest}"
    );
}

#[test]
fn what_was_tampered_with_is_not_verified() {
    let Some(folder) = keys() else { return };
    let folder = folder.path();
    assert_eq!(scan(folder, "key.pem").0, Some(1));
    let verify = |key: &str| {
        let (code, page, stderr) = sc39_in(folder, &["verify", "e.json", "--key", key]);
        assert_eq!(code, Some(1), "{page}{stderr}");
        page
    };
    let page = verify("other.pub");
    assert!(
        page.contains("e.json.sig is not a signature of this key over this file"),
        "{page}"
    );
    assert!(page.contains("it names another key"), "{page}");
    let change = |file: &str, change: &dyn Fn(&mut Vec<u8>), expected: &str| {
        let path = folder.join(file);
        let kept = std::fs::read(&path).expect("it is there");
        let mut changed = kept.clone();
        change(&mut changed);
        std::fs::write(&path, changed).expect("it can be written");
        let page = verify("key.pub");
        assert!(page.contains(expected), "{file}: {page}");
        std::fs::write(&path, kept).expect("it can be written");
    };
    let flip = |bytes: &mut Vec<u8>| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    };
    change(
        "e.json.sig",
        &flip,
        "e.json.sig is not a signature of this key over this file",
    );
    change(
        "e.csv",
        &flip,
        "e.json.intoto.sigstore.json: e.csv has the digest ",
    );
    let other = std::fs::read(folder.join("e.csv.sigstore.json")).expect("it was written");
    let exchange = |bytes: &mut Vec<u8>| bytes.clone_from(&other);
    change(
        "e.json.sigstore.json",
        &exchange,
        "it is about another file",
    );
    change(
        "e.json.intoto.sigstore.json",
        &exchange,
        "it has no dsseEnvelope",
    );
    // The same content in another form is the same evidence, and no longer the file that was signed.
    change(
        "e.json",
        &|bytes| bytes.push(b'\n'),
        "e.json.sig is not a signature",
    );
    for file in ["e.json.sig", "e.json.sigstore.json"] {
        std::fs::remove_file(folder.join(file)).expect("it is there");
    }
    assert!(verify("key.pub").contains("there is neither e.json.sig nor e.json.sigstore.json"));
}

#[test]
fn snapshots_and_rendered_files_are_signed_too() {
    let Some(folder) = keys() else { return };
    let folder = folder.path();
    let capture = ["capture", "--demo", "-o", "s.zst", "--sign-key", "key.pem"];
    assert_eq!(sc39_in(folder, &capture).0, Some(0));
    assert_eq!(scan(folder, "key.pem").0, Some(1));
    let render = [
        "render",
        "e.json",
        "-o",
        "csv=r.csv",
        "--sign-key",
        "key.pem",
    ];
    assert_eq!(sc39_in(folder, &render).0, Some(0));
    for file in ["s.zst", "r.csv"] {
        let checked = by_openssl(folder, file);
        assert!(checked.status.success(), "{file}");
    }
    assert!(folder.join("r.csv.intoto.sigstore.json").is_file());
}

#[test]
fn keys_are_refused_in_clear_words_and_never_shown() {
    let Some(folder) = keys() else { return };
    let folder = folder.path();
    let pem = std::fs::read_to_string(folder.join("key.pem")).expect("openssl wrote it");
    let secret = pem.lines().nth(1).expect("a key has lines");
    let of_variable = format!("env:{pem}");
    let table = [
        (
            "encrypted.pem",
            "the private key is encrypted; give an unencrypted one",
        ),
        ("p384.pem", "the key is not an ECDSA key on the curve P-256"),
        (
            "key.pub",
            "expected a private key (PKCS#8) in PEM form, found public key",
        ),
        ("none.pem", "unable to open the key none.pem"),
        (
            "env:SC39_NO_SUCH_VARIABLE",
            "there is no environment variable SC39_NO_SUCH_VARIABLE",
        ),
        (
            "env:",
            "--sign-key env:NAME takes the name of an environment variable",
        ),
        (pem.as_str(), "it does not take the key itself"),
        (of_variable.as_str(), "it does not take the key itself"),
    ];
    for (key, words) in table {
        let (code, stderr) = scan(folder, key);
        assert_eq!(code, Some(2), "{stderr}");
        assert!(stderr.contains(words), "{stderr}");
        assert!(!stderr.contains(secret), "{stderr}");
        assert!(!folder.join("e.json").exists(), "no work is done before");
    }
    let from_variable = sc39()
        .args(SCAN)
        .arg("env:SC39_TEST_KEY")
        .env("SC39_TEST_KEY", &pem)
        .current_dir(folder)
        .output()
        .expect("the program runs");
    assert_eq!(
        from_variable.status.code(),
        Some(1),
        "{}",
        text(&from_variable.stderr)
    );
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be read").path();
        if path.extension() != Some(OsStr::new("pem")) {
            let content = text(&std::fs::read(&path).expect("it can be read"));
            assert!(!content.contains(secret), "{}", path.display());
        }
    }
    let nothing = ["scan", "--demo", "--sign-key", "key.pem"];
    let (code, _, stderr) = sc39_in(folder, &nothing);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("--sign-key signs files"), "{stderr}");
}

#[cfg(unix)]
#[test]
fn a_key_that_others_can_read_draws_a_warning() {
    use std::os::unix::fs::PermissionsExt as _;

    let Some(folder) = keys() else { return };
    let folder = folder.path();
    let words = "warning: the key key.pem can be read by others (mode 0640); make it the owner's alone: chmod 600\n";
    for (mode, expected) in [(0o640, words), (0o600, "")] {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(folder.join("key.pem"), permissions).expect("it can be changed");
        assert_eq!(scan(folder, "key.pem"), (Some(1), expected.to_owned()));
    }
}

/// Needs a folder with `node_modules/@sigstore/verify`, named by `SC39_NODE`; `scripts/sigstore` makes one.
#[test]
fn bundles_are_those_of_sigstore() {
    let Some(modules) = std::env::var_os("SC39_NODE") else {
        left_out::<()>("SC39_NODE is not set");
        return;
    };
    let Some(folder) = keys() else { return };
    assert_eq!(scan(folder.path(), "key.pem").0, Some(1));
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/integration/signing/bundles.js"
    );
    let modules = Path::new(&modules);
    let Some(checked) = run(modules, "node", &[script, &folder.path().to_string_lossy()]) else {
        return;
    };
    assert!(
        checked.status.success(),
        "{}{}",
        text(&checked.stdout),
        text(&checked.stderr)
    );
}
