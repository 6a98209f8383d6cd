pub static TEXT: &[u8] = core::include_bytes!("tally.rs");
