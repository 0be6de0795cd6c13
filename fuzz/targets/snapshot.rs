#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sc39_fuzz::snapshot(data));
