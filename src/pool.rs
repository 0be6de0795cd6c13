//! Equal items, kept once: a cluster says the same thing many times.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

/// Items of which equal ones are shared.
#[derive(Debug)]
pub(crate) struct Pool<T: ?Sized>(HashSet<Arc<T>>);

impl<T: ?Sized> Default for Pool<T> {
    fn default() -> Self {
        Self(HashSet::new())
    }
}

impl<T: ?Sized + Eq + Hash> Pool<T> {
    /// The shared copy of an equal item, if there is one yet.
    pub(crate) fn get(&self, item: &T) -> Option<Arc<T>> {
        self.0.get(item).cloned()
    }

    /// The shared copy of an equal item; if there is none yet, this one becomes it.
    pub(crate) fn share<U>(&mut self, item: U) -> Arc<T>
    where
        U: Borrow<T> + Into<Arc<T>>,
    {
        if let Some(shared) = self.get(item.borrow()) {
            return shared;
        }
        let shared = item.into();
        self.0.insert(Arc::clone(&shared));
        shared
    }

    /// Puts the shared copy of an equal item in the place of one that is shared already.
    pub(crate) fn unite(&mut self, item: &mut Arc<T>) {
        *item = self.share(Arc::clone(item));
    }
}
