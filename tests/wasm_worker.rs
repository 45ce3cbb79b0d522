//! The suite of the browser host, in a worker.
#![cfg(target_family = "wasm")]

mod wasm_suite;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);
