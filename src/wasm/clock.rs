//! The page's clock, for `SLOWLOG` and `LATENCY`.

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    // Runs no code of the page, so it may be called while the engine is borrowed.
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
}

/// Microseconds on a clock that never goes back; as coarse as the page's clock is.
pub fn clock_us() -> u64 {
    (performance_now() * 1000.0) as u64
}
