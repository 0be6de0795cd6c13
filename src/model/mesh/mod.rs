//! Placeholder until the mesh branch is merged.

/// Mesh.
#[derive(Debug, Default)]
pub struct Mesh;

impl Mesh {
    /// Whether there is a mesh.
    pub fn is_present(&self) -> bool {
        false
    }

    /// Root namespaces.
    pub fn root_namespaces(&self) -> Vec<&str> {
        Vec::new()
    }
}
