//! tmp
#[derive(Clone, Debug, Default)]
pub struct VectorSet {}
impl VectorSet {
    pub fn new(_seed: u64) -> Self {
        Self::default()
    }
    pub fn len(&self) -> usize {
        0
    }
    pub fn is_empty(&self) -> bool {
        true
    }
    pub fn encoding(&self) -> &'static str {
        "raw"
    }
    pub fn heap_bytes(&self) -> usize {
        0
    }
    pub fn to_bytes(&self) -> Vec<u8> {
        Vec::new()
    }
    pub fn from_bytes(_: &[u8], _: u64) -> Option<Self> {
        None
    }
}
