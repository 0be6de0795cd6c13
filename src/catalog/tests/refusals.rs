//! Every way to get a catalogue wrong, with the exact message for it.

use std::fs;

use super::{Catalog, example, load};

/// The message for the example with one change in one of its files.
fn message_after(name: &str, from: &str, to: &str) -> String {
    let mut files = example();
    let text = files.get_mut(name).unwrap();
    assert_eq!(text.matches(from).count(), 1, "{from:?} in {name}");
    *text = text.replace(from, to);
    load(&files).unwrap_err().to_string()
}

#[test]
fn file_that_is_no_catalogue_file_is_refused() {
    let mut files = example();
    files.remove("catalog.yaml");
    assert_eq!(
        load(&files).unwrap_err().to_string(),
        "controls/catalog.yaml is missing: every catalogue has it"
    );
    let mut files = example();
    files.remove("ac-4.21.yaml");
    assert_eq!(
        load(&files).unwrap_err().to_string(),
        "controls/ac-4.21.yaml is missing: controls/catalog.yaml:5 lists the control"
    );
    for name in ["ac-2.yaml", "sc-39.yml"] {
        let mut files = example();
        files.insert(name.to_owned(), String::new());
        assert_eq!(
            load(&files).unwrap_err().to_string(),
            format!("controls/{name} belongs to no control that catalog.yaml lists")
        );
    }
}

#[test]
fn malformed_file_is_refused_with_its_line() {
    let table = [
        (
            "title: An example",
            "titel: An example",
            "controls/catalog.yaml:3: unknown field `titel`, expected one of id, version, title, frameworks, controls, mentions, notes",
        ),
        (
            "title: An example\n",
            "",
            "controls/catalog.yaml:5: missing field `title`",
        ),
        (
            "version: 1.0.0",
            "id: again",
            "controls/catalog.yaml:2: duplicate mapping key: id not allowed here",
        ),
        (
            "title: An example",
            "title: ' '",
            "controls/catalog.yaml:3: a text is expected here, it is empty",
        ),
        (
            "note: a",
            "label: SC-82, note: a",
            "controls/catalog.yaml:7: duplicate mapping key: label not allowed here",
        ),
        (
            "controls: [sc-39, ac-4.21]",
            "controls: [sc-39",
            "controls/catalog.yaml:6: illegal placement of ':' indicator",
        ),
    ];
    for (from, to, message) in table {
        assert_eq!(message_after("catalog.yaml", from, to), message);
    }
    let methods = message_after("sc-39.yaml", "[EXAMINE, TEST]", "[EXAMINE, OBSERVE]");
    assert_eq!(
        methods,
        "controls/sc-39.yaml:8: unknown variant `OBSERVE`, expected one of EXAMINE, INTERVIEW, TEST"
    );
    let relation = message_after("sc-39.yaml", "supporting: [three]", "related: [three]");
    assert_eq!(
        relation,
        "controls/sc-39.yaml:29: unknown field `related`, expected one of primary, supporting"
    );
}

#[test]
fn wrong_ids_in_the_list_are_refused() {
    let table = [
        (
            "controls: [sc-39, ac-4.21]",
            "controls: []",
            "controls/catalog.yaml lists no control",
        ),
        (
            "[sc-39, ",
            "[SC-39, ",
            "controls/catalog.yaml:5: \"SC-39\" is no control id such as sc-39 or ac-4.21",
        ),
        (
            "[sc-39, ",
            "[sc-39, sc-39, ",
            "controls/catalog.yaml:5: the id sc-39 is taken already, in controls/catalog.yaml",
        ),
        (
            "{id: sc-82, label: SC-82",
            "{id: ac-4.21, label: AC-4(21)",
            "controls/catalog.yaml:7: the id ac-4.21 is taken already, in controls/catalog.yaml",
        ),
    ];
    for (from, to, message) in table {
        assert_eq!(message_after("catalog.yaml", from, to), message);
    }
}

#[test]
fn wrong_ids_in_a_control_are_refused() {
    let table = [
        (
            "sc-39.yaml",
            "id: sc-39\n",
            "id: sc-3\n",
            "controls/sc-39.yaml:1: the file is named for sc-39, but holds sc-3",
        ),
        (
            "sc-39.yaml",
            "label: SC-39\n",
            "label: SC-3\n",
            "controls/sc-39.yaml:2: \"SC-3\" is no label of sc-39",
        ),
        (
            "sc-39.yaml",
            "_proof.second",
            "_proof.first",
            "controls/sc-39.yaml:20: the id sc-39_proof.first is taken already, in controls/sc-39.yaml",
        ),
        (
            "sc-39.yaml",
            "_proof.second",
            "_proof second",
            "controls/sc-39.yaml:20: \"sc-39_proof second\" is no id: letters, digits, dots, hyphens and underscores, a letter first",
        ),
        (
            "ac-4.21.yaml",
            "  - {id: ac-4.21_obj, methods: [INTERVIEW]}",
            "  []",
            "controls/ac-4.21.yaml:1: ac-4.21 has no objective",
        ),
        (
            "ac-4.21.yaml",
            "ac-4.21_obj",
            "sc-39_obj",
            "controls/ac-4.21.yaml:7: the id sc-39_obj is taken already, in controls/sc-39.yaml",
        ),
    ];
    for (name, from, to, message) in table {
        assert_eq!(message_after(name, from, to), message);
    }
}

#[test]
fn wrong_bindings_are_refused() {
    let table = [
        (
            "rules: [one, two]",
            "rules: [one, five]",
            "controls/sc-39.yaml:17: sc-39_proof.first binds \"five\", which is no rule of this program",
        ),
        (
            "primary: [four]",
            "primary: [Four]",
            "controls/sc-39.yaml:28: sc-39 binds \"Four\", which is no rule of this program",
        ),
        (
            "rules: [one, two]",
            "rules: [one, one]",
            "controls/sc-39.yaml:17: sc-39_proof.first binds one twice",
        ),
        (
            "supporting: [three]",
            "supporting: [three, four]",
            "controls/sc-39.yaml:29: sc-39 binds four twice",
        ),
        (
            "rules: [one]",
            "rules: [one, one]",
            "controls/sc-39.yaml:9: sc-39_obj binds one twice",
        ),
        (
            "supporting: [three]",
            "supporting: [three, two]",
            "controls/sc-39.yaml:29: sc-39 binds two as supporting, but its proof sc-39_proof.first makes it primary",
        ),
        (
            "rules: [one]",
            "rules: [three]",
            "controls/sc-39.yaml:9: sc-39_obj rests on three, which is not primary for sc-39",
        ),
    ];
    for (from, to, message) in table {
        assert_eq!(message_after("sc-39.yaml", from, to), message);
    }
}

#[test]
fn reason_stands_where_rules_do_not() {
    let table = [
        (
            "sc-39.yaml",
            "    reason: manual\n",
            "",
            "controls/sc-39.yaml:20: sc-39_proof.second binds no rule and gives no reason (inherited, manual, not-applicable, planned)",
        ),
        (
            "sc-39.yaml",
            "    reason: manual\n",
            "    reason: later\n",
            "controls/sc-39.yaml:24: sc-39_proof.second gives the reason \"later\", which is none of inherited, manual, not-applicable, planned",
        ),
        (
            "sc-39.yaml",
            "    rules: [one, two]\n",
            "    rules: [one, two]\n    reason: planned\n",
            "controls/sc-39.yaml:18: sc-39_proof.first binds rules, so it cannot give planned as the reason for having none",
        ),
        (
            "ac-4.21.yaml",
            "rules:\n  supporting: [two]\n  primary: [three]\n",
            "",
            "controls/ac-4.21.yaml:1: ac-4.21 binds no rule and gives no reason (inherited, manual, not-applicable, planned)",
        ),
        (
            "ac-4.21.yaml",
            "responsible: customer\n",
            "reason: inherited\nresponsible: customer\n",
            "controls/ac-4.21.yaml:11: ac-4.21 binds rules, so it cannot give inherited as the reason for having none",
        ),
    ];
    for (name, from, to, message) in table {
        assert_eq!(message_after(name, from, to), message);
    }
}

#[test]
fn unreadable_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let shown = directory.path().display();
    let error = Catalog::from_directory(directory.path(), &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("no catalogue in {shown}: it holds no .yaml file")
    );

    let absent = directory.path().join("absent");
    let error = Catalog::from_directory(&absent, &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("failed to list the controls directory {shown}/absent")
    );

    fs::write(directory.path().join("catalog.yaml"), b"\xff\xfe").unwrap();
    let error = Catalog::from_directory(directory.path(), &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("failed to read {shown}/catalog.yaml")
    );
}
