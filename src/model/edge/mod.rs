//! Ways in from outside: what Ingresses, routes and gateways make of a request, and what serves them.

pub mod gateways;
pub mod hosts;
pub mod open_shift;
pub mod virtual_services;
