//! Where restrictions are written, by controller.

use serde_json::Value;

use crate::model::Model;
use crate::model::edge::classes::{Known, Serving, go_bool};
use crate::model::edge::hosts;
use crate::model::edge::istio_access::{self, Access};
use crate::model::edge::ranges::Range;
use crate::model::ingress_controllers::Family;
use crate::model::mesh::Fact;
use crate::projection::network::Ingress;
use crate::projection::routing::Route;
use crate::rules::Reason;
use crate::snapshot::Object;

/// What restricts access to an object.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) restriction: Restriction,
    /// Whether a client certificate is required and verified.
    pub(super) client_certificate: bool,
}

#[derive(Debug)]
pub(super) enum Restriction {
    /// Nothing restricts it.
    Open(String),
    /// Nobody may come in.
    Denied(String),
    /// Only these.
    Ranges {
        ranges: Vec<Range>,
        /// Whether the load balancer looks at the address, which is the client's own there.
        at_balancer: bool,
    },
    /// Only those who say in a header that theirs is one of these.
    Stated(Vec<Range>),
    Unknown(Reason, String),
}

impl Restriction {
    fn open() -> Self {
        Self::Open("no list of addresses restricts it".to_owned())
    }

    fn unknown(reason: Reason, message: &str) -> Self {
        Self::Unknown(reason, message.to_owned())
    }

    fn ranges(ranges: Vec<Range>) -> Self {
        Self::Ranges {
            ranges,
            at_balancer: false,
        }
    }
}

const UNREAD: &str = "the controller's configuration was not read";

struct Looked<'l, 'm> {
    object: &'l Object,
    serving: &'l Serving<'m>,
}

impl Looked<'_, '_> {
    fn annotation(&self, key: &str) -> Option<&str> {
        let annotations = &self.object.projection.metadata().annotations;
        let value = annotations.get(key).map(|value| value.trim());
        value.filter(|value| !value.is_empty())
    }

    fn first(&self, keys: &[&str]) -> Option<&str> {
        keys.iter().find_map(|key| self.annotation(key))
    }

    /// An annotation, else a key of the ConfigMap.
    fn setting(&self, annotations: &[&str], keys: &[&str]) -> Known {
        if let Some(own) = self.first(annotations) {
            return Known::Is(Some(own.to_owned()));
        }
        for key in keys {
            match self.serving.key(key) {
                Known::Unread => return Known::Unread,
                Known::Is(Some(value)) if !value.trim().is_empty() => {
                    return Known::Is(Some(value));
                }
                Known::Is(_) => {}
            }
        }
        Known::Is(None)
    }
}

/// What restricts access to an Ingress.
pub(super) fn of_ingress(
    model: &Model<'_>,
    object: &Object,
    ingress: &Ingress,
    serving: &Serving<'_>,
) -> Place {
    let looked = Looked { object, serving };
    let restriction = |restriction| Place {
        restriction,
        client_certificate: false,
    };
    match serving.family {
        Family::Ng => of_ng(&looked),
        Family::Ha => of_ha(&looked),
        Family::Aws => of_aws(&looked),
        Family::Ocp => of_routes(model, object),
        Family::Nic => restriction(match looked.annotation("nginx.org/policies") {
            Some(_) => Restriction::unknown(
                Reason::ControllerConfigNotRead,
                "policies of the controller are not read",
            ),
            None => Restriction::open(),
        }),
        Family::Tr => {
            let named = [
                "traefik.ingress.kubernetes.io/router.middlewares",
                "traefik.ingress.kubernetes.io/router.tls.options",
            ];
            restriction(match looked.first(&named) {
                Some(_) => Restriction::unknown(
                    Reason::ControllerConfigNotRead,
                    "middlewares and TLS options of Traefik are not read",
                ),
                None => Restriction::open(),
            })
        }
        Family::Ag => {
            let outside = [
                "appgw.ingress.kubernetes.io/use-private-ip",
                "appgw.ingress.kubernetes.io/waf-policy-for-path",
                "appgw.ingress.kubernetes.io/appgw-ssl-profile",
            ];
            restriction(match looked.first(&outside) {
                Some(_) => Restriction::unknown(
                    Reason::RestrictionOutsideCluster,
                    "what may restrict it is set up in Azure",
                ),
                None => Restriction::open(),
            })
        }
        Family::Istio => restriction(of_istio(model, ingress, serving)),
        Family::Gke => restriction(Restriction::unknown(
            Reason::RestrictionOutsideCluster,
            "a security policy of the load balancer may restrict it",
        )),
        Family::Hao | Family::Kong | Family::Contour | Family::Cilium | Family::Agc => {
            let _ = ingress;
            let name = serving.family.name();
            restriction(Restriction::Unknown(
                Reason::ControllerConfigNotRead,
                format!("what restricts access at {name} is not read"),
            ))
        }
    }
}

/// Istio: the policies for the pods of the gateway; the host that admits most counts.
fn of_istio(model: &Model<'_>, ingress: &Ingress, serving: &Serving<'_>) -> Restriction {
    let groups = || serving.configs.iter().map(|config| config.group);
    let rules = ingress.spec.rules.iter();
    let mut hosts: Vec<String> = rules
        .map(|rule| hosts::normal(rule.host.as_deref()))
        .collect();
    if ingress.spec.default_backend.is_some() || hosts.is_empty() {
        hosts.push(hosts::ANY.to_owned());
    }
    let found = hosts
        .iter()
        .map(|host| istio_access::access(model, groups(), host).0);
    match found.reduce(istio_access::either) {
        None | Some(Access::Everybody) => {
            Restriction::Open("no authorization policy restricts it".to_owned())
        }
        Some(Access::Nobody) => {
            Restriction::Denied("authorization policies let nobody in".to_owned())
        }
        Some(Access::Unclear(why)) => Restriction::unknown(Reason::ControllerConfigNotRead, why),
        Some(Access::Only {
            ranges,
            stated: true,
        }) => Restriction::Stated(ranges),
        Some(Access::Only { ranges, .. }) => Restriction::ranges(ranges),
    }
}

/// The policies that restrict access at the gateway of an Ingress.
pub(super) fn facts(model: &Model<'_>, serving: &Serving<'_>) -> Vec<Fact> {
    if serving.family != Family::Istio {
        return Vec::new();
    }
    let groups = serving.configs.iter().map(|config| config.group);
    istio_access::access(model, groups, hosts::ANY).1
}

/// Ingress NGINX: the object's list replaces that of the ConfigMap (`internal/ingress/annotations/ipallowlist`).
fn of_ng(looked: &Looked<'_, '_>) -> Place {
    const PREFIX: &str = "nginx.ingress.kubernetes.io";
    let key = |name: &str| format!("{PREFIX}/{name}");
    let on = |name: &str| looked.annotation(&key(name)).and_then(go_bool) == Some(true);
    if on("ssl-passthrough") {
        let open = |message: &str| Place {
            restriction: Restriction::Open(message.to_owned()),
            client_certificate: false,
        };
        match looked.serving.flag("--enable-ssl-passthrough") {
            Known::Is(Some(value)) if go_bool(&value) != Some(false) => {
                return open("TLS is passed through, which leaves all lists aside");
            }
            Known::Is(_) => {}
            Known::Unread => {
                return Place {
                    restriction: Restriction::unknown(Reason::ControllerConfigNotRead, UNREAD),
                    client_certificate: false,
                };
            }
        }
    }
    let verify = looked.annotation(&key("auth-tls-verify-client"));
    let required = !matches!(verify, Some("off" | "optional" | "optional_no_ca"));
    let client_certificate = looked.annotation(&key("auth-tls-secret")).is_some() && required;
    let either = looked.annotation(&key("satisfy")) == Some("any")
        && (looked.annotation(&key("auth-type")).is_some()
            || looked.annotation(&key("auth-url")).is_some());
    let lists = [key("whitelist-source-range"), key("allowlist-source-range")];
    let lists: Vec<&str> = lists.iter().map(String::as_str).collect();
    let restriction = match looked.setting(&lists, &["whitelist-source-range"]) {
        Known::Unread => Restriction::unknown(Reason::ControllerConfigNotRead, UNREAD),
        Known::Is(None) => Restriction::open(),
        Known::Is(Some(_)) if either => {
            Restriction::Open("satisfy: any lets in who has a password, too".to_owned())
        }
        Known::Is(Some(list)) => {
            let ranges: Vec<Range> = list.split(',').filter_map(Range::parse).collect();
            if ranges.is_empty() {
                Restriction::Denied("its list has no valid entry, so nobody comes in".to_owned())
            } else {
                Restriction::ranges(ranges)
            }
        }
    };
    Place {
        restriction,
        client_certificate,
    }
}

fn of_ha(looked: &Looked<'_, '_>) -> Place {
    let annotations = [
        "haproxy.org/allow-list",
        "haproxy.org/whitelist",
        "haproxy.com/allow-list",
        "haproxy.com/whitelist",
    ];
    let restriction = match looked.setting(&annotations, &["allow-list", "whitelist"]) {
        Known::Unread => Restriction::unknown(Reason::ControllerConfigNotRead, UNREAD),
        Known::Is(None) => Restriction::open(),
        Known::Is(Some(list)) => {
            let ranges: Option<Vec<Range>> = list
                .split(',')
                .map(str::trim)
                .filter(|entry| !entry.is_empty())
                .map(Range::parse)
                .collect();
            ranges.map_or_else(
                || {
                    Restriction::unknown(
                        Reason::ValueNotUnderstood,
                        "its list names something else than addresses",
                    )
                },
                Restriction::ranges,
            )
        }
    };
    let optional = looked.serving.key("client-crt-optional");
    let client_certificate = matches!(looked.serving.key("client-ca"), Known::Is(Some(_)))
        && matches!(optional, Known::Is(value) if value.as_deref().and_then(go_bool) != Some(true));
    Place {
        restriction,
        client_certificate,
    }
}

fn of_aws(looked: &Looked<'_, '_>) -> Place {
    const PREFIX: &str = "alb.ingress.kubernetes.io";
    let annotation = |name: &str| looked.annotation(&format!("{PREFIX}/{name}"));
    let outside = |message: &str| Restriction::unknown(Reason::RestrictionOutsideCluster, message);
    let parameters = looked
        .serving
        .class
        .is_some_and(|(_, class)| class.spec.parameters.is_some());
    let restriction = if parameters {
        Restriction::unknown(
            Reason::ControllerConfigNotRead,
            "parameters of the class come before the annotations, and were not read",
        )
    } else if annotation("security-groups").is_some() {
        outside("security groups are named, which leaves inbound-cidrs aside")
    } else if annotation("security-group-prefix-lists").is_some() {
        outside("prefix lists are named, whose content is outside the cluster")
    } else {
        match annotation("inbound-cidrs") {
            None => Restriction::open(),
            Some(list) => {
                let ranges: Option<Vec<Range>> = list.split(',').map(Range::parse).collect();
                ranges.map_or_else(
                    || {
                        Restriction::unknown(
                            Reason::ValueNotUnderstood,
                            "inbound-cidrs names something else than addresses",
                        )
                    },
                    |ranges| Restriction::Ranges {
                        ranges,
                        at_balancer: true,
                    },
                )
            }
        }
    };
    let client_certificate = annotation("mutual-authentication")
        .is_some_and(|text| verifies_all(text, annotation("listen-ports").unwrap_or_default()));
    Place {
        restriction,
        client_certificate,
    }
}

/// Whether clients are verified on every HTTPS port, and there is no other.
fn verifies_all(authentication: &str, listeners: &str) -> bool {
    let verified: Vec<u64> = serde_json::from_str::<Vec<Value>>(authentication)
        .unwrap_or_default()
        .iter()
        .filter(|entry| entry["mode"] == "verify")
        .filter_map(|entry| entry["port"].as_u64())
        .collect();
    let listeners: Vec<Value> = serde_json::from_str(listeners).unwrap_or_default();
    let ports: Option<Vec<u64>> = listeners
        .iter()
        .map(|listener| listener["HTTPS"].as_u64())
        .collect();
    ports.is_some_and(|ports| !ports.is_empty() && ports.iter().all(|port| verified.contains(port)))
}

/// The Routes that are made from an Ingress.
fn of_routes(model: &Model<'_>, object: &Object) -> Place {
    use crate::kind::Kind;
    use crate::projection::Projection;
    let routes = model.snapshot.of_namespace(Kind::Route, object.namespace());
    let mut made = routes.filter_map(|(_, route)| match route.projection.as_ref() {
        Projection::Route(content) => {
            let owners = &content.metadata.owner_references;
            let owned = owners
                .iter()
                .any(|owner| owner.kind == "Ingress" && owner.name == object.name());
            owned.then_some(content)
        }
        _ => None,
    });
    match made.next() {
        Some(route) => of_route(route),
        None => Place {
            restriction: Restriction::unknown(
                Reason::ControllerConfigNotRead,
                "no Route was found that is made from it",
            ),
            client_certificate: false,
        },
    }
}

/// A Route of OpenShift: its list is separated by spaces, and ignored as a whole where it is not.
pub(super) fn of_route(route: &Route) -> Place {
    let annotations = &route.metadata.annotations;
    let keys = [
        "haproxy.router.openshift.io/ip_whitelist",
        "haproxy.router.openshift.io/ip_allowlist",
    ];
    let list = keys
        .into_iter()
        .filter_map(|key| annotations.get(key))
        .map(|list| list.trim())
        .find(|list| !list.is_empty());
    let restriction = match list {
        None => Restriction::open(),
        Some(list) => {
            let ranges: Option<Vec<Range>> = list.split_whitespace().map(Range::parse).collect();
            ranges.map_or_else(
                || {
                    let message =
                        "the router ignores its list, which is not one of addresses separated by spaces";
                    Restriction::Open(message.to_owned())
                },
                Restriction::ranges,
            )
        }
    };
    Place {
        restriction,
        client_certificate: false,
    }
}
