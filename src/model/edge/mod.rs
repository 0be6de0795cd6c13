//! Ways in from outside: what Ingresses, routes and gateways make of a request, and what serves them.

pub mod classes;
pub mod gateways;
pub mod hosts;
pub mod ingresses;
pub mod istio_access;
pub mod open_shift;
pub mod outbound;
pub mod ranges;
pub mod restrictions;
pub mod virtual_services;
