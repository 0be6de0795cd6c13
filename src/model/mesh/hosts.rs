//! Names of hosts as Istio's objects write them, and which Services they stand for.
//!
//! Follows istio `pkg/config/host/name.go` and `pilot/pkg/model/virtualservice.go` (`ResolveShortnameToFQDN`).

/// The cluster's domain. Nothing in the API tells another, so that whatever stands behind `svc` counts as this one.
const DOMAIN: &str = "cluster.local";

/// A host as a rule names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Host {
    /// Without the asterisk of a wildcard.
    text: String,
    wildcard: bool,
}

/// The full name of a Service.
pub fn of_service(name: &str, namespace: &str) -> String {
    format!("{name}.{namespace}.svc.{DOMAIN}")
}

/// A full name in the form in which hosts are compared; a wildcard keeps its asterisk.
pub fn full(name: &str) -> String {
    let name = name.trim().to_ascii_lowercase();
    match name.strip_prefix('*') {
        Some(rest) => format!("*{}", with_domain(rest)),
        None => with_domain(&name),
    }
}

impl Host {
    /// Reads the host of an object in `namespace`. A name without a dot is short for a Service there; one with a dot
    /// is taken as it stands, so that `web.shop` is no Service's.
    pub fn new(text: &str, namespace: &str) -> Self {
        let text = text.trim().to_ascii_lowercase();
        if let Some(rest) = text.strip_prefix('*') {
            return Self {
                text: with_domain(rest),
                wildcard: true,
            };
        }
        let full = if text.is_empty() || text.contains(['.', ':']) {
            with_domain(&text)
        } else {
            of_service(&text, namespace)
        };
        Self {
            text: full,
            wildcard: false,
        }
    }

    /// The name, without the asterisk of a wildcard.
    pub fn name(&self) -> &str {
        &self.text
    }

    /// Whether it stands for more than one name.
    pub const fn is_wildcard(&self) -> bool {
        self.wildcard
    }

    /// The Service that it names alone: name and namespace.
    pub fn service(&self) -> Option<(&str, &str)> {
        if self.wildcard {
            return None;
        }
        let mut labels = self.text.split('.');
        let (name, namespace) = (labels.next()?, labels.next()?);
        (labels.next() == Some("svc") && labels.next().is_some()).then_some((name, namespace))
    }

    /// Whether it stands for a full name.
    pub fn matches(&self, name: &str) -> bool {
        if self.wildcard {
            name.ends_with(&self.text)
        } else {
            name == self.text
        }
    }

    /// Whether it stands for every name that the other stands for.
    pub fn covers(&self, other: &Self) -> bool {
        if other.wildcard {
            self.wildcard && other.text.ends_with(&self.text)
        } else {
            self.matches(&other.text)
        }
    }

    /// The hosts that win over this one for a name that it matches: the name itself, then longer wildcards.
    pub fn more_specific_for(&self, name: &str) -> Vec<Self> {
        if !self.wildcard {
            return Vec::new();
        }
        let full = Self {
            text: name.to_owned(),
            wildcard: false,
        };
        let longer = name
            .char_indices()
            .map(|(place, _)| &name[place..])
            .filter(|rest| rest.len() > self.text.len())
            .map(|rest| Self {
                text: rest.to_owned(),
                wildcard: true,
            });
        std::iter::once(full).chain(longer).collect()
    }
}

/// The same name with the one domain, where it is that of Services.
fn with_domain(name: &str) -> String {
    let labels: Vec<&str> = name.split('.').collect();
    // Of a wildcard the first label is what is left of it: nothing, or the end of a name.
    let place = labels.iter().take(3).position(|label| *label == "svc");
    match place {
        Some(place) if place > 0 && place + 1 < labels.len() => {
            format!("{}.{DOMAIN}", labels[..=place].join("."))
        }
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_stand_for_services() {
        let service = of_service("web", "shop");
        let table = [
            ("web", "shop", true, "short, in its own namespace"),
            ("web", "other", false, "short, in another one"),
            ("web.shop", "shop", false, "not short, and not full"),
            ("web.shop.svc", "shop", false, "no domain"),
            ("web.shop.svc.cluster.local", "other", true, "full"),
            ("WEB.shop.svc.corp.example", "other", true, "another domain"),
            ("*", "other", true, "everything"),
            ("*.local", "other", true, "the domain's end"),
            ("*.cluster.local", "other", true, "the domain"),
            ("*.svc.corp.example", "other", true, "Services"),
            ("*.shop.svc.cluster.local", "other", true, "a namespace"),
            ("*.other.svc.cluster.local", "other", false, "another one"),
            ("*eb.shop.svc.cluster.local", "other", true, "a name's end"),
            ("*.example", "shop", false, "elsewhere"),
            ("", "shop", false, "nothing"),
        ];
        for (text, namespace, expected, why) in table {
            assert_eq!(
                Host::new(text, namespace).matches(&service),
                expected,
                "{why}"
            );
        }
    }

    #[test]
    fn the_longest_name_wins() {
        let host = |text: &str| Host::new(text, "shop");
        let over = |text: &str| host(text).more_specific_for("web.shop.svc.cluster.local");
        assert_eq!(over("*.local").first(), Some(&host("web")));
        assert!(over("*.local").contains(&host("*.shop.svc.cluster.local")));
        assert!(!over("*.shop.svc.cluster.local").contains(&host("*.local")));
        assert_eq!(over("web"), []);
        assert!(host("*.local").covers(&host("*.shop.svc.cluster.local")));
        assert!(!host("*.shop.svc.cluster.local").covers(&host("*.local")));
        assert_eq!(host("web").service(), Some(("web", "shop")));
        assert_eq!(host("*.local").service(), None);
        assert_eq!(host("api.example").service(), None);
    }

    #[test]
    fn only_a_full_name_names_a_service() {
        let table = [
            ("web.shop.svc.cluster.local", Some(("web", "shop"))),
            ("web", Some(("web", "other"))),
            ("web.shop.svc", None),
            ("web.shop.com.example", None),
            ("*.shop.svc.cluster.local", None),
        ];
        for (text, expected) in table {
            assert_eq!(Host::new(text, "other").service(), expected, "{text}");
        }
        let foreign = Host::new("svc.example", "shop");
        assert_eq!(foreign.name(), "svc.example", "no Service stands before it");
    }

    #[test]
    fn no_host_wins_over_itself() {
        let host = Host::new("*.shop.svc.cluster.local", "shop");
        let over = host.more_specific_for("web.shop.svc.cluster.local");
        assert!(!over.contains(&host), "{over:?}");
    }
}
