//! Files that are small and unpack to much, large and hold nothing, deep, or full of values: each ends with an error
//! that says why, or is read, and the memory for it stays within a bound.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use crate::bench::measure::high_water;
use crate::live::{repository, sc39};

/// What came of a run.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
    /// Peak resident memory in MiB, as far as the system tells; zero elsewhere.
    memory: u64,
}

/// Runs the program and watches its memory.
fn run(arguments: &[&str], file: &Path) -> Ended {
    let mut child = sc39()
        .args(arguments)
        .arg(file)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let reader = |mut pipe: Box<dyn std::io::Read + Send>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            pipe.read_to_end(&mut bytes).expect("it can be read");
            String::from_utf8(bytes).expect("it writes text")
        })
    };
    let stdout = reader(Box::new(child.stdout.take().expect("it is piped")));
    let stderr = reader(Box::new(child.stderr.take().expect("it is piped")));
    let mut peak = 0;
    let status = loop {
        peak = peak.max(high_water(child.id()));
        if let Some(status) = child.try_wait().expect("the program can be waited for") {
            break status;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    Ended {
        code: status.code(),
        stdout: stdout.join().expect("it was read"),
        stderr: stderr.join().expect("it was read"),
        memory: peak / 1024,
    }
}

/// Memory of the program itself, its catalogue and its threads, in MiB; more than it has.
const OWN: u64 = 64;

/// The commands that read a file of this kind, each up to the file's name.
const SCAN: &[&str] = &["scan", "-A", "--assume-complete", "--from"];
const SNAPSHOT: &[&str] = &["scan", "-A", "--from"];
const VERIFY: &[&str] = &["verify"];
const RENDER: &[&str] = &["render", "-o", "csv"];
const PLAN: &[&str] = &["scan", "--demo", "--plan"];
const WAIVERS: &[&str] = &["scan", "--demo", "--waivers"];

/// Holds that the file is refused in these words, within so many MiB beside the program's own.
fn refused(arguments: &[&str], file: &Path, words: &str, most: u64) {
    let ended = run(arguments, file);
    let case = format!("{arguments:?} {}", file.display());
    assert_eq!(ended.code, Some(2), "{case}: {}", ended.stderr);
    assert!(ended.stderr.contains(words), "{case}: {}", ended.stderr);
    assert_eq!(ended.stdout, "", "{case}");
    assert!(ended.memory <= OWN + most, "{case}: {} MiB", ended.memory);
}

/// A folder, and files made in it.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder can be made"))
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).expect("the file can be written");
        path
    }

    /// A file of zeros that takes no room on the disk.
    fn sparse(&self, name: &str, length: u64) -> PathBuf {
        let path = self.0.path().join(name);
        let file = File::create(&path).expect("the file can be made");
        file.set_len(length).expect("it can be that long");
        path
    }

    /// A compressed file: some text, and then a part so many times.
    fn packed(&self, name: &str, start: &str, part: &str, times: usize) -> PathBuf {
        let path = self.0.path().join(name);
        let file = File::create(&path).expect("the file can be made");
        let mut encoder = zstd::Encoder::new(file, 3).expect("it can be packed");
        encoder
            .write_all(start.as_bytes())
            .expect("it can be written");
        let chunk = part.repeat((1 << 20) / part.len());
        for _ in 0..(times * part.len()).div_ceil(chunk.len()) {
            encoder
                .write_all(chunk.as_bytes())
                .expect("it can be written");
        }
        encoder.finish().expect("it can be finished");
        path
    }
}

#[test]
fn a_gigabyte_is_refused_before_it_is_read() {
    let folder = Folder::new();
    let length = 1_000_000_000;
    for (name, arguments, words) in [
        ("a.yaml", SCAN, "a.yaml is larger than 256 MiB"),
        ("a.json", SCAN, "a.json is larger than 256 MiB"),
        ("a.zst", SNAPSHOT, "a.zst is larger than 256 MiB"),
        ("e.json", VERIFY, "the file is larger than 512 MiB"),
        ("f.json", RENDER, "the file is larger than 512 MiB"),
        ("p.yaml", PLAN, "p.yaml is larger than 1024 KiB"),
        ("w.yaml", WAIVERS, "w.yaml is larger than 1024 KiB"),
    ] {
        refused(arguments, &folder.sparse(name, length), words, 8);
    }
    let (old, new) = (folder.sparse("old", length), folder.sparse("new", length));
    let old = old.display().to_string();
    refused(&["diff", &old], &new, "the file is larger than 512 MiB", 8);
}

/// The start of a snapshot, up to a member.
fn snapshot_up_to(member: &str) -> String {
    let whole = [
        (
            "origin",
            r#"{"mode":"live","startedAt":"","finishedAt":"","cluster":{},"files":[],"assumeComplete":false,"collector":""}"#,
        ),
        ("coverage", r#"{"sources":[],"unreadable":[],"notes":[]}"#),
        (
            "projections",
            r#"[{"kind":"Namespace","digest":"","value":{}}]"#,
        ),
        ("objects", "[]"),
    ];
    let before = whole.iter().take_while(|(name, _)| *name != member);
    let members = before.map(|(name, text)| format!("\"{name}\":{text},"));
    let members = members.collect::<Vec<_>>().concat();
    format!("{{\"kind\":\"SC39Snapshot\",\"schemaVersion\":\"1.0.0\",{members}\"{member}\":")
}

#[test]
fn a_small_snapshot_does_not_unpack_to_much() {
    let folder = Folder::new();
    let unpacks = "the snapshot is too large: it unpacks to more than the bound";
    let gigabyte = 1 << 30;
    for (name, start, part, most) in [
        ("kind.zst", "{\"kind\":\"".to_owned(), "x", 128),
        ("spaces.zst", String::new(), " ", 8),
        (
            "notes.zst",
            snapshot_up_to("coverage") + "{\"notes\":[\"\"",
            ",\"\"",
            512,
        ),
        (
            "numbers.zst",
            snapshot_up_to("projections") + "[{\"kind\":\"Namespace\",\"value\":[0",
            ",0",
            256,
        ),
        ("nothing.zst", "\0".to_owned(), "\0", 8),
    ] {
        let file = folder.packed(name, &start, part, gigabyte / part.len());
        let size = file.metadata().expect("it is there").len();
        assert!(size < 1 << 20, "{name} is small: {size}");
        let words = if name == "nothing.zst" {
            "the snapshot is damaged"
        } else {
            unpacks
        };
        refused(SNAPSHOT, &file, words, most);
    }
}

#[test]
fn archives_are_no_manifests() {
    let folder = Folder::new();
    // The beginnings of gzip and of zip.
    for (name, bytes) in [
        ("a.yaml", b"\x1f\x8b\x08\x00\xff"),
        ("b.json", b"PK\x03\x04\xff"),
    ] {
        let file = folder.file(name, bytes);
        refused(SCAN, &file, &format!("{name}, line 1: not UTF-8"), 8);
    }
}

#[test]
fn an_object_full_of_values_is_refused() {
    let folder = Folder::new();
    let zeros = "0,".repeat(4 << 20);
    let keys = (0..600_000).map(|key| format!("\"{key}\":0,"));
    let keys = keys.collect::<Vec<_>>().concat();
    let words = "an object of more than 500000 values";
    for (name, text) in [
        ("list.json", format!("[{zeros}0]")),
        ("list.yaml", format!("[{zeros}0]")),
        (
            "field.json",
            format!("{{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\n\"spec\":[{zeros}0]}}"),
        ),
        (
            "item.json",
            format!("{{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":[[{zeros}0]]}}"),
        ),
        ("keys.json", format!("{{{keys}\"a\":0}}")),
    ] {
        let file = folder.file(name, text);
        refused(SCAN, &file, &format!("{name}, document 1"), 192);
        refused(SCAN, &file, words, 192);
    }
    let start =
        r#"{"kind":"SC39Evidence","$schema":"urn:sc39:schema:evidence:1","schemaVersion":"1.0.0","#;
    let text = format!("{start}\"run\":[{zeros}0]}}");
    refused(
        VERIFY,
        &folder.file("e.json", text),
        "/run: invalid type: sequence",
        64,
    );
    let text = format!("version: 1\ntiers: [{}0]\n", "0,".repeat(500_000));
    for arguments in [PLAN, WAIVERS] {
        let file = folder.file("p.yaml", &text);
        refused(arguments, &file, "p.yaml:", 192);
    }
}

#[test]
fn deep_nesting_is_refused() {
    let folder = Folder::new();
    let deep = "[".repeat(1 << 20);
    let evidence = r#"{"kind":"SC39Evidence","$schema":"urn:sc39:schema:evidence:1","schemaVersion":"1.0.0","run":"#;
    for (name, start, arguments, words) in [
        (
            "a.yaml",
            "",
            SCAN,
            "a.yaml, document 1, line 1: nested deeper than 128 levels",
        ),
        // Skipped to its end without a stack, to find where the document ends.
        ("a.json", "", SCAN, "a.json, document 1, line 1: EOF while"),
        ("e.json", evidence, VERIFY, "the file is no evidence"),
        ("f.json", evidence, RENDER, "the file is no evidence"),
        ("p.yaml", "tiers: ", PLAN, "p.yaml"),
        ("w.yaml", "waivers: ", WAIVERS, "w.yaml"),
    ] {
        let text = format!("{start}{}", &deep[start.len()..]);
        refused(arguments, &folder.file(name, text), words, 64);
    }
}

#[test]
fn a_huge_text_is_read() {
    let folder = Folder::new();
    let text = "x".repeat(16 << 20);
    let pod = format!(
        "{{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{{\"name\":\"p\",\"namespace\":\"n\",\"labels\":{{\"a\":\"{text}\"}}}},\
         \"spec\":{{\"containers\":[{{\"name\":\"a\"}}]}}}}"
    );
    let file = folder.file("a.json", pod);
    let arguments = [
        "scan",
        "--rule",
        "host-namespaces",
        "-o",
        "csv",
        "-A",
        "--from",
    ];
    let ended = run(&arguments, &file);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.memory <= OWN + 16 * 16, "{} MiB", ended.memory);
}

#[test]
fn a_million_objects_are_read() {
    let folder = Folder::new();
    let path = folder.0.path().join("a.json");
    let mut file = std::io::BufWriter::new(File::create(&path).expect("the file can be made"));
    for number in 0..1_000_000 {
        writeln!(file, "{{\"apiVersion\":\"v1\",\"kind\":\"ServiceAccount\",\"metadata\":{{\"name\":\"s{number}\"}}}}")
            .expect("it can be written");
    }
    drop(file);
    let ended = run(
        &["scan", "-A", "--rule", "host-namespaces", "--from"],
        &path,
    );
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    // About a KiB for each.
    assert!(ended.memory <= OWN + 1000, "{} MiB", ended.memory);
}

#[test]
fn names_drive_no_terminal() {
    let folder = Folder::new();
    let file = repository("fixtures/hostile/clusters/escapes.yaml");
    let broken = folder.file("broken.yaml", "a: 1\n\"\\e[2J\": 1\n\"\\e[2J\": 2\n");
    for (arguments, file) in [
        (SCAN, &file),
        (&["plan", "init", "--from"], &file),
        (SCAN, &broken),
        (PLAN, &broken),
        (WAIVERS, &broken),
    ] {
        let ended = run(arguments, file);
        for text in [&ended.stdout, &ended.stderr] {
            let hidden = text.lines().find(|line| *sc39::escape(line) != **line);
            assert_eq!(hidden, None, "{arguments:?}");
        }
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    }
}
