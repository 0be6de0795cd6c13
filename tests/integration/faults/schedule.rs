//! Schedules: which requests meet which fault, drawn from a seed.

use std::fmt;

use fastrand::Rng;
use sc39::kind::Kind;

use super::fault::Fault;
use super::proxy::Asked;

/// Everything that goes wrong during one collection, and how it is run.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    pub(super) seed: u64,
    pub(super) page_size: u32,
    /// Which namespaces are judged, by its place in the list of scopes.
    pub(super) scope: usize,
    /// Where several would meet the same request, the first does.
    pub(super) incidents: Vec<Incident>,
}

/// One fault, and whom it meets.
#[derive(Clone, Debug)]
pub(super) struct Incident {
    pub(super) fault: Fault,
    pub(super) target: Target,
    /// How many requests of the target come through before it begins.
    pub(super) after: usize,
    /// How many requests it meets then.
    pub(super) times: usize,
}

/// A choice of requests.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    Everything,
    /// What the server says it serves.
    Discovery,
    /// The lists of a kind.
    Lists(Kind),
    /// The list of a kind over the whole cluster, and the one of a namespace.
    ListsIn(Kind, &'static str),
    /// Pages of any list after its first.
    FurtherPages,
    /// Pages of the lists of a kind after their first.
    FurtherPagesOf(Kind),
    /// Single objects.
    Objects,
}

/// For good.
pub(super) const ALWAYS: usize = usize::MAX;

impl Schedule {
    /// Without any fault.
    pub(super) const fn calm() -> Self {
        Self {
            seed: 0,
            page_size: 500,
            scope: 0,
            incidents: Vec::new(),
        }
    }

    /// The schedule of a seed.
    pub(super) fn draw(seed: u64, scopes: usize, namespaces: &[&'static str]) -> Self {
        let mut rng = Rng::with_seed(seed);
        let page_size = *pick(&mut rng, &[4, 10, 50]);
        let scope = rng.usize(..scopes);
        let count = *pick(&mut rng, &[1, 1, 2, 3, 5]);
        let incidents = (0..count).map(|_| Incident::draw(&mut rng, namespaces));
        Self {
            seed,
            page_size,
            scope,
            incidents: incidents.collect(),
        }
    }

    /// A schedule of one incident.
    pub(super) fn of(fault: Fault, target: Target, after: usize, times: usize) -> Self {
        let incident = Incident {
            fault,
            target,
            after,
            times,
        };
        Self {
            page_size: 10,
            incidents: vec![incident],
            ..Self::calm()
        }
    }
}

impl Incident {
    fn draw(rng: &mut Rng, namespaces: &[&'static str]) -> Self {
        let fault = *pick(rng, Fault::ALL);
        let target = match fault {
            Fault::Refused(410) | Fault::SamePage => Target::draw_further_pages(rng),
            _ => Target::draw(rng, namespaces),
        };
        // A collection asks about two hundred times, and for most lists once.
        let after: &[usize] = match target {
            Target::Everything => &[0, 10, 40, 100],
            _ => &[0, 0, 0, 1, 3],
        };
        Self {
            fault,
            target,
            after: *pick(rng, after),
            times: *pick(rng, &[1, 2, 4, ALWAYS, ALWAYS]),
        }
    }
}

impl Target {
    fn draw(rng: &mut Rng, namespaces: &[&'static str]) -> Self {
        let kinds = if rng.bool() { Kind::ALL } else { BUSY };
        let kind = *pick(rng, kinds);
        match rng.u8(..8) {
            0 => Self::Everything,
            1 => Self::Discovery,
            2 => Self::Objects,
            3 => Self::draw_further_pages(rng),
            4 | 5 => Self::ListsIn(kind, pick::<&'static str>(rng, namespaces)),
            _ => Self::Lists(kind),
        }
    }

    fn draw_further_pages(rng: &mut Rng) -> Self {
        if rng.bool() {
            Self::FurtherPages
        } else {
            Self::FurtherPagesOf(*pick(rng, BUSY))
        }
    }

    /// Whether a request is among them.
    pub(super) fn holds(&self, asked: &Asked) -> bool {
        match self {
            Self::Everything => true,
            Self::Discovery => asked.is_discovery(),
            Self::Lists(kind) => asked.lists(*kind),
            Self::ListsIn(kind, namespace) => {
                asked.lists(*kind) && asked.namespace().is_none_or(|place| place == *namespace)
            }
            Self::FurtherPages => asked.is_further_page(),
            Self::FurtherPagesOf(kind) => asked.is_further_page() && asked.lists(*kind),
            Self::Objects => asked.is_object(),
        }
    }
}

/// Kinds of which most verdicts rest on some.
const BUSY: &[Kind] = &[
    Kind::Namespace,
    Kind::Pod,
    Kind::MendixApp,
    Kind::NetworkPolicy,
    Kind::PeerAuthentication,
    Kind::Role,
    Kind::RoleBinding,
    Kind::Service,
];

fn pick<'a, T>(rng: &mut Rng, of: &'a [T]) -> &'a T {
    &of[rng.usize(..of.len())]
}

impl fmt::Display for Schedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            seed, page_size, ..
        } = self;
        write!(formatter, "seed {seed}, {page_size} to a page")?;
        for incident in &self.incidents {
            write!(formatter, "; {incident}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Incident {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            fault,
            target,
            after,
            times,
        } = self;
        write!(formatter, "{fault:?} on {target:?}")?;
        if *after > 0 {
            write!(formatter, " after {after}")?;
        }
        match *times {
            ALWAYS => formatter.write_str(", for good"),
            times => write!(formatter, ", {times}×"),
        }
    }
}
