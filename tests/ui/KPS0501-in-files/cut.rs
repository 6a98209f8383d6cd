pub fn count(n: u32) -> u32 { n }

pub const LIMIT: u32
