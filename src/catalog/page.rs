//! The catalogue as a page in Markdown: `docs/controls.md`.

use super::{Catalog, Control, Method, Proof, Relation, Statement};

pub(super) fn markdown(catalog: &Catalog) -> String {
    let mut page = format!(
        "# Controls\n\nGenerated from `controls/` by `UPDATE=1 cargo test --lib catalog`; edit that.\n\n{}\n\n",
        catalog.title
    );
    for note in &catalog.notes {
        add(&mut page, &format!("- {note}\n"));
    }
    add(
        &mut page,
        "\n| control | title | baseline | primary rules | supporting rules |\n|---|---|---|---|---|\n",
    );
    for control in &catalog.controls {
        let baseline = if control.in_moderate {
            "Moderate"
        } else {
            "beyond Moderate"
        };
        let row = [
            control.label.as_str(),
            &control.title,
            baseline,
            &rules(control, Relation::Primary),
            &rules(control, Relation::Supporting),
        ];
        add(&mut page, &format!("| {} |\n", row.join(" | ")));
    }
    for control in &catalog.controls {
        add(&mut page, &of_control(control));
    }
    add(
        &mut page,
        "\n## Manual evidence\n\nWhat the vendor says and no cluster shows. `manualEvidence` of the plan points to its proof.\n",
    );
    for statement in &catalog.statements {
        add(&mut page, &of_statement(statement));
    }
    page
}

fn rules(control: &Control, relation: Relation) -> String {
    let bound = control.all_bindings().into_iter();
    let bound = bound.filter(|binding| binding.relation == relation);
    let links: Vec<String> = bound.map(|binding| link(&binding.rule)).collect();
    if links.is_empty() {
        return "–".to_owned();
    }
    links.join(", ")
}

fn link(rule: &str) -> String {
    format!("[{rule}](rules/{rule}.md)")
}

fn methods(methods: &[Method]) -> String {
    let names: Vec<&str> = methods.iter().map(|method| method.as_str()).collect();
    names.join(", ")
}

fn of_control(control: &Control) -> String {
    let mut page = format!(
        "\n## {} {}\n\n> {}\n\n",
        control.label, control.title, control.statement
    );
    for objective in &control.objectives {
        add(
            &mut page,
            &format!("- `{}`: {}\n", objective.id, methods(&objective.methods)),
        );
    }
    if let Some(reason) = control.reason {
        add(&mut page, &format!("\nNo rule tests it ({reason}).\n"));
    }
    add(
        &mut page,
        &format!(
            "\nResponsible: {}\n\n{}\n",
            control.responsible, control.assess
        ),
    );
    if !control.notes.is_empty() {
        page.push('\n');
    }
    for note in &control.notes {
        add(&mut page, &format!("- {note}\n"));
    }
    for proof in &control.proofs {
        add(&mut page, &of_proof(proof));
    }
    page
}

fn of_proof(proof: &Proof) -> String {
    let rules: Vec<String> = proof.rules.iter().map(|rule| link(rule)).collect();
    let rules = match proof.reason {
        Some(reason) => format!("none ({reason})"),
        None => rules.join(", "),
    };
    let gaps = proof
        .gaps
        .as_ref()
        .map(|gaps| format!("\nNot covered: {gaps}\n"));
    format!(
        "\n### {}\n\n`{}`: {}\n\nRules: {rules}\n\nResponsible: {}\n\n{}\n{}",
        proof.title,
        proof.id,
        proof.claim,
        proof.responsible,
        proof.assess,
        gaps.unwrap_or_default()
    )
}

fn of_statement(statement: &Statement) -> String {
    let visible = statement.visible.as_ref();
    let visible = visible.map(|visible| format!("\nVisible in a cluster: {visible}\n"));
    format!(
        "\n### {}\n\n`{}` ({}; {}): {}\n\nResponsible: {}\n\n{}\n{}",
        statement.title,
        statement.id,
        statement.controls.join(", "),
        methods(&statement.methods),
        statement.claim,
        statement.responsible,
        statement.assess,
        visible.unwrap_or_default()
    )
}

fn add(page: &mut String, text: &str) {
    page.push_str(text);
}
