//! What is said of a host, and the verdict that follows.

use std::collections::{BTreeMap, BTreeSet};

use crate::rules::{Observation, Reason, Subject, Verdict};

/// Whether a listener terminates TLS for a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tls {
    Yes,
    No,
    Unknown,
}

/// What a plain request gets, on whatever listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Http {
    /// It is sent on to HTTPS.
    Redirect,
    /// Nothing answers, or nothing but an error.
    Closed,
    /// The app answers.
    Serves,
    Unknown,
}

/// A host, and what is known of it.
#[derive(Clone, Debug)]
pub(super) struct Host {
    pub(super) name: String,
    pub(super) tls: Tls,
    pub(super) http: Http,
    /// Why, in words.
    pub(super) why: String,
    /// What stands between it and certainty, or what makes it fail, where that has a name of its own.
    pub(super) reason: Option<Reason>,
    /// Whether nothing that was not read could change a failure.
    pub(super) firm: bool,
    /// What else is to be known.
    pub(super) notes: BTreeSet<&'static str>,
}

impl Host {
    pub(super) fn new(name: &str, tls: Tls, http: Http, why: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            tls,
            http,
            why: why.into(),
            reason: None,
            firm: false,
            notes: BTreeSet::new(),
        }
    }

    /// Nothing can be said, for this reason.
    pub(super) fn unknown(name: &str, reason: Reason, why: impl Into<String>) -> Self {
        Self::new(name, Tls::Unknown, Http::Unknown, why).because(reason)
    }

    #[must_use]
    pub(super) fn because(mut self, reason: Reason) -> Self {
        self.reason = Some(reason);
        self
    }

    #[must_use]
    pub(super) fn firm(mut self) -> Self {
        self.firm = true;
        self
    }

    #[must_use]
    pub(super) fn note(mut self, note: &'static str) -> Self {
        self.notes.insert(note);
        self
    }

    /// Whether it is served over TLS alone.
    pub(super) fn is_encrypted(&self) -> Option<bool> {
        match (self.tls, self.http) {
            (Tls::No, _) | (_, Http::Serves) => Some(false),
            (Tls::Yes, Http::Redirect | Http::Closed) => Some(true),
            (Tls::Unknown, _) | (_, Http::Unknown) => None,
        }
    }

    fn verdict(&self) -> (Verdict, Reason) {
        match (self.tls, self.http) {
            (_, Http::Serves) => (
                Verdict::Fail,
                self.reason
                    .filter(|reason| *reason == Reason::RedirectNotHttps)
                    .unwrap_or(Reason::PlainHttpServed),
            ),
            (Tls::No, _) => (
                Verdict::Fail,
                self.reason
                    .filter(|reason| *reason == Reason::PassthroughWithoutTlsServer)
                    .unwrap_or(Reason::NoTls),
            ),
            (Tls::Yes, Http::Redirect | Http::Closed) => {
                (Verdict::Pass, Reason::CertificateNotRead)
            }
            (Tls::Yes, Http::Unknown) => (
                Verdict::Indeterminate,
                self.reason.unwrap_or(Reason::RedirectNotVisible),
            ),
            (Tls::Unknown, Http::Redirect | Http::Closed | Http::Unknown) => (
                Verdict::Indeterminate,
                self.reason.unwrap_or(Reason::TlsNotVisible),
            ),
        }
    }

    fn in_words(&self) -> String {
        let tls = match self.tls {
            Tls::Yes => "TLS",
            Tls::No => "no TLS",
            Tls::Unknown => "TLS unknown",
        };
        let http = match self.http {
            Http::Redirect => "plain HTTP is redirected",
            Http::Closed => "plain HTTP is not served",
            Http::Serves => "plain HTTP is served",
            Http::Unknown => "what plain HTTP gets is unknown",
        };
        let reasons = [self.why.as_str()].into_iter();
        let reasons: Vec<&str> = reasons.chain(self.notes.iter().copied()).collect();
        format!("{tls}, {http} ({})", reasons.join(", "))
    }
}

/// The worst host decides; all are named.
pub(super) fn conclude(subject: Subject, hosts: &[Host]) -> Option<Observation> {
    let worst = hosts.iter().min_by_key(|host| host.verdict())?;
    let (verdict, reason) = worst.verdict();
    let mut statements: BTreeMap<(Verdict, String), BTreeSet<&str>> = BTreeMap::new();
    for host in hosts {
        let key = (host.verdict().0, host.in_words());
        statements.entry(key).or_default().insert(&host.name);
    }
    let statements: Vec<String> = statements
        .into_iter()
        .map(|((_, words), names)| format!("{}: {words}", listed(&names)))
        .collect();
    let message = statements.join("; ");
    let observation = match verdict {
        Verdict::Fail => Observation::fail(subject, reason, message),
        Verdict::Pass => Observation::pass(
            subject,
            reason,
            format!("{message}; whether the certificate is valid was not read"),
        ),
        Verdict::Indeterminate | Verdict::NotApplicable => {
            Observation::indeterminate(subject, reason, message)
        }
    };
    let firm = verdict == Verdict::Fail
        && hosts
            .iter()
            .any(|host| host.firm && host.verdict().0 == verdict);
    Some(if firm {
        observation.conclusive()
    } else {
        observation
    })
}

/// At most this many hosts are named in one statement.
const NAMED: usize = 20;

fn listed(names: &BTreeSet<&str>) -> String {
    let first: Vec<&str> = names.iter().take(NAMED).copied().collect();
    let first = first.join(", ");
    match names.len().checked_sub(NAMED) {
        None | Some(0) => first,
        Some(more) => format!("{first} and {more} more"),
    }
}

/// Of several listeners for one host: TLS on any will do, and plain HTTP on any is too much.
pub(super) fn unite(parts: &[Host]) -> Option<Host> {
    let first = parts.first()?;
    let any = |tls| parts.iter().any(|part| part.tls == tls);
    let gets = |http| parts.iter().any(|part| part.http == http);
    let tls = if any(Tls::Yes) {
        Tls::Yes
    } else if any(Tls::Unknown) {
        Tls::Unknown
    } else {
        Tls::No
    };
    let http = [Http::Serves, Http::Unknown, Http::Redirect]
        .into_iter()
        .find(|http| gets(*http))
        .unwrap_or(Http::Closed);
    let why: BTreeSet<&str> = parts.iter().map(|part| part.why.as_str()).collect();
    let why: Vec<&str> = why.into_iter().collect();
    // What made the listener that decides what it is.
    let decisive = parts
        .iter()
        .filter(|part| part.http == http || part.tls == tls)
        .find_map(|part| part.reason);
    Some(Host {
        name: first.name.clone(),
        tls,
        http,
        why: why.join(", "),
        reason: decisive,
        firm: parts
            .iter()
            .any(|part| part.firm && part.http == Http::Serves),
        notes: parts
            .iter()
            .flat_map(|part| part.notes.iter().copied())
            .collect(),
    })
}
