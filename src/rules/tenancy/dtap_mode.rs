//! In mode `P` the runtime enforces the app's production security level; other modes may switch it off.

use crate::kind::Kind;
use crate::model::{App, Model};
use crate::projection::facts::UNRECOGNISED;
use crate::projection::mendix::MendixApp;
use crate::rules::{
    Group, Observation, Observations, Reach, Read, Reason, Rule, Severity, Subject, Subjects,
};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "dtap-mode",
    version: 1,
    title: "Production apps run in DTAP mode P",
    severity: Severity::High,
    group: Group::Tenancy,
    subjects: Subjects::Kinds(&[Kind::MendixApp]),
    reads: &[
        Read::required(Kind::MendixApp, Reach::Namespace),
        Read::refines(Kind::Namespace),
    ],
    docs: include_str!("../../../docs/rules/dtap-mode.md"),
    check,
};

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    Box::new(
        model
            .apps
            .iter()
            .filter(move |app| model.scope.contains(app.namespace))
            .filter_map(move |app| Some(observe(model, app, app.object?))),
    )
}

fn observe(model: &Model<'_>, app: &App<'_>, (index, object): (usize, &MendixApp)) -> Observation {
    let subject = Subject::Object(index);
    let runtime = &object.spec.runtime;
    let custom = runtime.custom_configuration.as_ref();
    let overriding = custom.and_then(|custom| custom.dtap_mode.as_deref());
    let stated = runtime.dtap_mode.as_deref().filter(|mode| !mode.is_empty());
    let mode = overriding.or(stated);
    let source = if overriding.is_some() {
        " (set by customConfiguration)"
    } else {
        ""
    };
    let observation = match mode {
        _ if custom.is_some_and(|custom| custom.unreadable) => Observation::indeterminate(
            subject,
            Reason::Unreadable,
            "customConfiguration is not JSON, and may set another mode",
        ),
        None => Observation::indeterminate(subject, Reason::Absent, "no DTAP mode is set"),
        Some(UNRECOGNISED) => Observation::indeterminate(
            subject,
            Reason::Unrecognised,
            "DTAPMode in customConfiguration is not a mode",
        ),
        Some("P") => Observation::pass(subject, Reason::Value, format!("DTAP mode P{source}")),
        Some(mode) => other_mode(model, app, subject, &format!("DTAP mode {mode:?}{source}")),
    };
    let observation = observation
        .read("/spec/runtime/dtapMode", runtime.dtap_mode.as_ref())
        .read("/spec/runtime/customConfiguration/DTAPMode", overriding);
    // In mode P the tier does not count.
    if mode == Some("P") {
        observation
    } else {
        read_tier(model, app, observation)
    }
}

/// Adds what states the tier: of the app itself, else of its namespace.
fn read_tier(model: &Model<'_>, app: &App<'_>, observation: Observation) -> Observation {
    if app.own_tier.is_some() {
        observation.read_own_tier(model, app)
    } else {
        observation.read_tier_in(model, app.namespace)
    }
}

fn other_mode(model: &Model<'_>, app: &App<'_>, subject: Subject, mode: &str) -> Observation {
    match &app.tier {
        Some(tier) if tier.is_production() => {
            Observation::fail(subject, Reason::Value, format!("{mode} in production"))
        }
        Some(tier) => Observation::pass(subject, Reason::Value, format!("{mode} in tier {tier}")),
        None => {
            let message = format!("{mode} in an unknown tier");
            Observation::tier_unknown(model, subject, app.namespace, message)
        }
    }
}
