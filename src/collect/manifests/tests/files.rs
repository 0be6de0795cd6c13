//! Which files are read.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

fn read_paths(paths: &[&Path]) -> Result<Snapshot, ManifestError> {
    let inputs: Vec<_> = paths
        .iter()
        .map(|path| Input::Path(path.to_path_buf()))
        .collect();
    read_all(&inputs, &GIVEN)
}

/// The error, with its cause.
fn refusal(paths: &[&Path]) -> String {
    let error = read_paths(paths).map(|_| ()).expect_err("must be refused");
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
    format!("{error}{}", cause.unwrap_or_default())
}

#[test]
fn folders_are_read_whole_and_in_order() {
    let folder = folder(&[
        ("b/z.yml", &pod("z")),
        ("b/.hidden/y.yaml", &pod("y")),
        ("b/.x.yaml", &pod("x")),
        ("a.yaml", &pod("a")),
        (
            "c.JSON",
            r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"c","namespace":"hr"},"spec":{"containers":[{"name":"a"}]}}"#,
        ),
        ("notes.md", "- ["),
        ("chart.tpl", "{{"),
        ("yaml", "- ["),
        ("empty.yaml", ""),
    ]);
    let snapshot = read_paths(&[folder.path()]).unwrap();
    assert_eq!(names(&snapshot), ["Pod hr/a", "Pod hr/c", "Pod hr/z"]);
    let name = folder.path().file_name().unwrap().to_str().unwrap();
    let files = ["a.yaml", "b/z.yml", "c.JSON", "empty.yaml"].map(|file| format!("{name}/{file}"));
    assert_eq!(
        snapshot.origin.files, files,
        "without the place of the folder"
    );
    assert_eq!(snapshot.coverage.notes, [""; 0]);
}

#[test]
fn a_file_that_is_named_is_read_whatever_its_name() {
    let folder = folder(&[
        ("manifest.txt", &pod("p")),
        (
            ".hidden",
            r#"{"apiVersion":"v1","kind":"PodList","items":[]}"#,
        ),
    ]);
    let snapshot = read_paths(&[
        &folder.path().join("manifest.txt"),
        &folder.path().join(".hidden"),
    ])
    .unwrap();
    assert_eq!(names(&snapshot), ["Pod hr/p"]);
    assert_eq!(snapshot.origin.files, [".hidden", "manifest.txt"]);
}

#[test]
fn a_file_is_read_once() {
    let folder = folder(&[("a/p.yaml", &format!("---\n{}---\n- x\n", pod("p")))]);
    let twice = read_paths(&[
        &folder.path().join("a/p.yaml"),
        folder.path(),
        &folder.path().join("a/../a"),
    ])
    .unwrap();
    assert_eq!(
        twice.coverage.notes,
        ["p.yaml, document 2: not a Kubernetes object"]
    );
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_loops_end() {
    use std::os::unix::fs::symlink;
    let folder = folder(&[("..data/p.yaml", &pod("p")), ("real/q.yaml", &pod("q"))]);
    let path = |name: &str| folder.path().join(name);
    symlink(path("..data/p.yaml"), path("p.yaml")).unwrap();
    symlink(folder.path(), path("real/up")).unwrap();
    symlink(path("real"), path("again")).unwrap();
    symlink(path("nowhere"), path("dangling")).unwrap();
    let snapshot = read_paths(&[folder.path()]).unwrap();
    assert_eq!(
        names(&snapshot),
        ["Pod hr/p", "Pod hr/q"],
        "as mounted ConfigMaps are laid out"
    );
    assert_eq!(snapshot.origin.files.len(), 2);
    symlink(path("nowhere"), path("dangling.yaml")).unwrap();
    assert!(
        refusal(&[folder.path()])
            .ends_with("dangling.yaml: No such file or directory (os error 2)")
    );
}

#[test]
fn what_cannot_be_read_ends_with_its_name() {
    let empty = folder(&[("notes.md", "")]);
    let missing = empty.path().join("missing.yaml");
    assert_eq!(
        refusal(&[&missing]),
        format!(
            "unable to read {}: No such file or directory (os error 2)",
            missing.display()
        )
    );
    assert_eq!(
        refusal(&[empty.path()]),
        format!(
            "there is no YAML or JSON file in {}",
            empty.path().display()
        )
    );
    assert!(read_all(&[], &GIVEN).is_err());
}

#[test]
fn a_file_beyond_the_bound_is_not_read() {
    let folder = folder(&[("a.yaml", "")]);
    let path = folder.path().join("a.yaml");
    // Sparse: it takes no room on the disk.
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len((256 << 20) + 1)
        .unwrap();
    assert_eq!(
        refusal(&[&path]),
        "a.yaml is larger than 256 MiB; save a snapshot of large clusters instead"
    );
    let stream = Input::stream("standard input", std::io::repeat(b' '));
    assert!(
        stream
            .map(|_| ())
            .unwrap_err()
            .to_string()
            .starts_with("standard input is larger than 256 MiB")
    );
}

#[test]
fn text_may_begin_with_a_byte_order_mark() {
    let text = format!("\u{feff}{}", pod("p"));
    assert_eq!(names(&snapshot(&text)), ["Pod hr/p"]);
    let json = "\u{feff}{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"a\"}]}}";
    assert_eq!(names(&json_snapshot(json)), ["Pod default/p"]);
    assert_eq!(
        super::refusal("a.yaml", b"a: b\nc: \xff\xfe\n"),
        "a.yaml, line 2: not UTF-8"
    );
    assert_eq!(
        super::refusal("a.yaml", b"\xff\xfea\0"),
        "a.yaml, line 1: not UTF-8",
        "UTF-16"
    );
}

#[test]
fn windows_line_ends_are_no_hindrance() {
    let text = format!("---\n{}---\n{}...\n", pod("p"), pod("q")).replace('\n', "\r\n");
    assert_eq!(names(&snapshot(&text)), ["Pod hr/p", "Pod hr/q"]);
}
